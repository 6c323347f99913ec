/// What a request carries.
enum Body: Sendable {
  case none
  case bytes([UInt8])
  case large(LargeBlob)

  /// nil where the request has no body at all.
  var count: Int? {
    switch self {
    case .none: nil
    case .bytes(let bytes): bytes.count
    case .large(let blob): blob.count
    }
  }

  /// The bytes that travel together with the head.
  var smallBytes: [UInt8] {
    if case .bytes(let bytes) = self { bytes } else { [] }
  }
}
