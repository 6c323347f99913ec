import Glibc
import Ground
import NIOHTTP1
import Synchronization

/// What `/metrics` says of requests. Names and labels as users of Distribution know them, where they exist there.
final class RequestFigures: Sendable {
  /// What one kind of request is counted in.
  private struct Series {
    let requests: Counter
    let duration: Histogram
  }

  private struct State {
    /// By route, method and status, packed into one number.
    var series: [Int: Series] = [:]
    /// By route and method.
    var durations: [Int: Histogram] = [:]
  }

  private let metrics: Metrics
  private let state = Mutex(State())
  /// By route.
  private let received: [Histogram]
  private let sent: [Histogram]
  private let cutShort: Counter

  init(_ metrics: Metrics) {
    self.metrics = metrics
    func sizes(_ name: String, _ help: String) -> [Histogram] {
      Route.allCases.map { metrics.histogram(name, help, labels: "handler=\"\($0.name)\"", classes: .sizes) }
    }
    received = sizes("registry_http_request_size_bytes", "Bytes of bodies that were received.")
    sent = sizes("registry_http_response_size_bytes", "Bytes of bodies that were sent.")
    cutShort = metrics.counter(
      "registry_http_requests_cut_short_total", "Requests whose client went away or stalled before the end.")
  }

  func count(_ record: RequestRecord) {
    let series = series(record.route, record.request.map { MethodClass($0.method) } ?? .other, record.status)
    series.requests.increment()
    series.duration.record(nanoseconds: record.nanoseconds)
    received[record.route.rawValue].record(bytes: record.bytesIn)
    sent[record.route.rawValue].record(bytes: record.bytesOut)
    if record.wasCutShort { cutShort.increment() }
  }

  private func series(_ route: Route, _ method: MethodClass, _ status: Int) -> Series {
    let kind = (route.rawValue << 16) | (method.rawValue << 12)
    return state.withLock { state in
      if let known = state.series[kind | status] { return known }
      let duration = state.durations[kind] ?? makeDuration(route, method)
      state.durations[kind] = duration
      let labels = "code=\"\(status)\",handler=\"\(route.name)\",method=\"\(method)\""
      let requests = metrics.counter("registry_http_requests_total", "Requests that were answered.", labels: labels)
      let made = Series(requests: requests, duration: duration)
      state.series[kind | status] = made
      return made
    }
  }

  private func makeDuration(_ route: Route, _ method: MethodClass) -> Histogram {
    metrics.histogram(
      "registry_http_request_duration_seconds", "Time from a request's head to the end of its answer.",
      labels: "handler=\"\(route.name)\",method=\"\(method)\"")
  }
}

/// A bounded set, since the method is the client's text.
enum MethodClass: Int {
  case get, head, put, post, patch, delete, other

  init(_ method: HTTPMethod) {
    switch method {
    case .GET: self = .get
    case .HEAD: self = .head
    case .PUT: self = .put
    case .POST: self = .post
    case .PATCH: self = .patch
    case .DELETE: self = .delete
    default: self = .other
    }
  }
}

/// The family of a path, for figures and log lines: never the client's own text. Those that Distribution has, it has by these names.
enum Route: Int, Sendable, CaseIterable {
  case base, catalog, manifest, blob, blobUpload, blobUploadChunk, tags, referrers, health, metrics, other

  /// Every log line has it; an interpolated case is looked up by reflection.
  var name: String {
    switch self {
    case .base: "base"
    case .catalog: "catalog"
    case .manifest: "manifest"
    case .blob: "blob"
    case .blobUpload: "blob_upload"
    case .blobUploadChunk: "blob_upload_chunk"
    case .tags: "tags"
    case .referrers: "referrers"
    case .health: "health"
    case .metrics: "metrics"
    case .other: "other"
    }
  }

  init(path: String) {
    var path = path
    self = path.withUTF8 { Route(utf8: $0) }
  }

  private init(utf8 path: UnsafeBufferPointer<UInt8>) {
    // By hand, because the standard library's search is generic and was a fifth of a small request.
    func contains(_ part: StaticString) -> Bool {
      let count = part.utf8CodeUnitCount
      guard path.count >= count, let base = path.baseAddress else { return false }
      for start in 0...(path.count - count) where path[start] == 0x2F {
        if memcmp(base + start, part.utf8Start, count) == 0 { return true }
      }
      return false
    }
    guard path.count >= 3, path[0] == 0x2F, path[1] == 0x76, path[2] == 0x32 else {
      self = contains("/metrics") ? .metrics : path.count <= 8 && path.last == 0x7A ? .health : .other
      return
    }
    if path.count <= 4 {
      self = .base
    } else if contains("/manifests/") {
      self = .manifest
    } else if contains("/blobs/uploads") {
      // With a session behind it or without; some clients leave the last slash out.
      self = path.last == 0x2F || path.last == 0x73 && !contains("/blobs/uploads/") ? .blobUpload : .blobUploadChunk
    } else if contains("/blobs/") {
      self = .blob
    } else if contains("/tags/list") {
      self = .tags
    } else if contains("/referrers/") {
      self = .referrers
    } else {
      self = contains("/_catalog") ? .catalog : .other
    }
  }
}
