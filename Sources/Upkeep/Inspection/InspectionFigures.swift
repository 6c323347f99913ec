internal import Ground

/// What this process has read of layers and images.
struct InspectionFigures: Sendable {
  let layers, failures, bytes, images: Counter

  init(_ metrics: Metrics) {
    layers = metrics.counter("berth_inspection_layers_total", "Layers that were read.")
    failures = metrics.counter("berth_inspection_failures_total", "Layers that could not be read.")
    bytes = metrics.counter("berth_inspection_bytes_total", "Bytes of layers that were read, uncompressed.")
    images = metrics.counter("berth_inspection_images_total", "Images that were inventoried.")
  }
}
