internal import OCI

/// Writes numbers and texts one after the other: numbers seven bits a byte, texts with their length before them.
package struct RecordWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// Begins anew, in the memory that is there.
  package mutating func clear() { bytes.removeAll(keepingCapacity: true) }

  mutating func add(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  package mutating func add(_ number: Int) { add(UInt64(clamping: number)) }

  package mutating func add(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

  package mutating func add(_ text: String) {
    var text = text
    text.withUTF8 {
      add($0.count)
      bytes.append(contentsOf: $0)
    }
  }

  package mutating func add(_ raw: [UInt8]) {
    add(raw.count)
    bytes += raw
  }

  package mutating func add(_ text: String?) {
    add(text != nil)
    if let text { add(text) }
  }

  package mutating func add<Element>(_ list: [Element], _ body: (inout RecordWriter, Element) -> Void) {
    add(list.count)
    for element in list { body(&self, element) }
  }
}

/// Why bytes are not what was written.
public struct RecordError: Error, Sendable, Hashable, CustomStringConvertible {
  package init() {}

  public var description: String { "a record is broken" }
}

/// Reads what a ``RecordWriter`` has written, and trusts none of it: a process that read hostile bytes may have made it.
package struct RecordReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes[...]
    position = 0
  }

  package var isAtEnd: Bool { position == bytes.endIndex }

  mutating func number() throws(RecordError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < bytes.endIndex, shift < 64 else { throw RecordError() }
      let byte = bytes[position]
      position += 1
      guard shift < 63 || byte <= 1 else { throw RecordError() }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
  }

  /// A number that is a length, a count or a position.
  package mutating func int() throws(RecordError) -> Int {
    guard let value = Int(exactly: try number()) else { throw RecordError() }
    return value
  }

  mutating func int64() throws(RecordError) -> Int64 {
    guard let value = Int64(exactly: try number()) else { throw RecordError() }
    return value
  }

  package mutating func flag() throws(RecordError) -> Bool {
    switch try number() {
    case 0: return false
    case 1: return true
    default: throw RecordError()
    }
  }

  package mutating func raw() throws(RecordError) -> [UInt8] { Array(try part()) }

  package mutating func text() throws(RecordError) -> String {
    let part = try part()
    // As a buffer: of a slice the library would look at each byte by itself.
    guard let text = part.withUnsafeBufferPointer({ String(checking: $0) }) else {
      throw RecordError()
    }
    return text
  }

  /// What stands behind its length.
  private mutating func part() throws(RecordError) -> ArraySlice<UInt8> {
    let count = try int()
    guard count <= bytes.endIndex - position else { throw RecordError() }
    defer { position += count }
    return bytes[position..<position + count]
  }

  package mutating func optionalText() throws(RecordError) -> String? { try flag() ? try text() : nil }

  package mutating func list<Element>(
    _ body: (inout RecordReader) throws(RecordError) -> Element
  ) throws(RecordError) -> [Element] {
    let count = try int()
    // Each element takes a byte at the least, so a count that lies reserves nothing.
    guard count <= bytes.endIndex - position else { throw RecordError() }
    var list: [Element] = []
    for _ in 0..<count { list.append(try body(&self)) }
    return list
  }

  mutating func choice<Value: RawRepresentable<String>>(_: Value.Type) throws(RecordError) -> Value {
    guard let value = Value(rawValue: try text()) else { throw RecordError() }
    return value
  }
}
