/// The lines of a text file, without what ends them.
struct LineReader: Sequence, IteratorProtocol {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func next() -> UnsafeRawBufferPointer? {
    guard position < bytes.count else { return nil }
    let rest = bytes[position...]
    let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    let line = bytes[position..<end]
    position = end + 1
    return UnsafeRawBufferPointer(rebasing: line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
  }
}

extension UnsafeRawBufferPointer {
  var text: String { String(decoding: self, as: UTF8.self) }

  /// What stands before and behind the first colon, without the spaces around it; nil without one.
  var field: (name: Slice<UnsafeRawBufferPointer>, value: String)? {
    guard let colon = firstIndex(of: UInt8(ascii: ":")) else { return nil }
    return (self[..<colon], String(decoding: self[(colon + 1)...], as: UTF8.self).trimmed)
  }
}

extension StringProtocol {
  /// Without the spaces and tabs around it.
  var trimmed: String {
    var rest = self[...]
    while let first = rest.unicodeScalars.first, first == " " || first == "\t" || first == "\r" {
      rest = rest.dropFirst()
    }
    while let last = rest.unicodeScalars.last, last == " " || last == "\t" || last == "\r" { rest = rest.dropLast() }
    return String(rest)
  }
}

extension Slice<UnsafeRawBufferPointer> {
  func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount
      && text.withUTF8Buffer { known in elementsEqual(known) }
  }
}
