internal import OCI

/// Writes JSON member by member, so that a large document never stands in memory as values.
struct JSONStream {
  enum Kind {
    case object, array
  }

  private(set) var bytes: [UInt8] = []
  /// Of each that is open: how it ends, and whether something stands in it.
  private var open: [(end: UInt8, isFilled: Bool)] = []

  /// - Parameter key: the name of the member, inside an object.
  mutating func begin(_ kind: Kind, _ key: String? = nil) {
    separate(key)
    bytes.append(kind == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
    open.append((kind == .object ? UInt8(ascii: "}") : UInt8(ascii: "]"), false))
  }

  /// Ends what was begun last.
  mutating func end() {
    if let last = open.popLast() { bytes.append(last.end) }
  }

  mutating func add(_ value: JSONValue, _ key: String? = nil) {
    separate(key)
    value.write(into: &bytes)
  }

  /// Adds a value that was written elsewhere.
  mutating func addWritten(_ text: [UInt8], _ key: String? = nil) {
    separate(key)
    bytes.append(contentsOf: text)
  }

  private mutating func separate(_ key: String?) {
    if let last = open.indices.last {
      if open[last].isFilled { bytes.append(UInt8(ascii: ",")) }
      open[last].isFilled = true
    }
    guard let key else { return }
    JSONValue.string(key).write(into: &bytes)
    bytes.append(UInt8(ascii: ":"))
  }
}
