internal import OCI
internal import Scanning

/// Records of advisories that cannot be read: what they would have found is not known, and so the image is not clean.
struct UnreadableRecords {
  private var path = ""
  private var position = 0
  private var count = 0
  private var first = ""

  mutating func begin(_ path: String) {
    self.path = path
    position = 0
  }

  mutating func countRecord() { position += 1 }

  /// - Parameter bytes: of the record. A document of another kind may lie beside records, and is none.
  mutating func add(_ error: ParseError, _ bytes: UnsafeRawBufferPointer) {
    guard !AdvisoryFormat.isOther(bytes) else { return }
    count += 1
    if count == 1 { first = "\(path): record \(position): \(error.message)" }
  }

  /// For people; nil: all were read.
  var reason: String? {
    switch count {
    case 0: nil
    case 1: "an advisory cannot be read: \(first)"
    default: "\(count) advisories cannot be read: \(first), and others"
    }
  }
}
