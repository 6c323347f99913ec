/// The records of an extended header of POSIX that matter here.
///
/// Source: POSIX.1-2017, pax, "pax Extended Header".
struct ExtendedHeader {
  var path: [UInt8]?
  var link: [UInt8]?
  var size: Int64?
  /// Of a sparse file of GNU: the size that it has with its holes, and its name.
  var realSize: Int64?
  var sparseName: [UInt8]?
  /// There is a record of a sparse file, of whatever form.
  var isSparse = false
  private var sparseForm: [String] = ["", ""]
  private var hasSparseMap = false

  /// It says that the file is sparse, and in none of the forms that GNU tar has had: 0.0, 0.1 and 1.0.
  var isUnknownSparse: Bool {
    isSparse && !hasSparseMap && ![["0", "0"], ["0", "1"], ["1", "0"]].contains(sparseForm)
  }

  /// It has nothing that matters here, as those that only carry a comment.
  var saysNothing: Bool { path == nil && link == nil && size == nil && !isSparse }

  init() {}

  /// Reads `LENGTH KEY=VALUE\n` records; a later one counts before an earlier one of the same key.
  ///
  /// - Throws: ``LayerError/broken(_:)``.
  init(_ bytes: UnsafeRawBufferPointer) throws(LayerError) {
    var rest = bytes[...]
    while let first = rest.first {
      // Some writers pad the end with zeros.
      if first == 0 { break }
      var length = 0
      var position = rest.startIndex
      while position < rest.endIndex, rest[position] != UInt8(ascii: " ") {
        let digit = rest[position] &- UInt8(ascii: "0")
        guard digit <= 9, length < bytes.count else { throw Self.broken }
        length = length * 10 + Int(digit)
        position += 1
      }
      let end = rest.startIndex + length
      guard position < rest.endIndex, end <= rest.endIndex, end > position + 1, rest[end - 1] == UInt8(ascii: "\n")
      else { throw Self.broken }
      let record = rest[position + 1..<end - 1]
      guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else { throw Self.broken }
      try take(record[..<equals], Array(record[(equals + 1)...]))
      rest = rest[end...]
    }
  }

  private static let broken = LayerError.broken("an extended header of its archive is broken")

  private mutating func take(_ key: Slice<UnsafeRawBufferPointer>, _ value: [UInt8]) throws(LayerError) {
    if key.starts(with: "GNU.sparse.".utf8) { isSparse = true }
    if key.elementsEqual("GNU.sparse.major".utf8) { sparseForm[0] = String(decoding: value, as: UTF8.self) }
    if key.elementsEqual("GNU.sparse.minor".utf8) { sparseForm[1] = String(decoding: value, as: UTF8.self) }
    if key.elementsEqual("GNU.sparse.map".utf8) || key.elementsEqual("GNU.sparse.numblocks".utf8) {
      hasSparseMap = true
    }
    // An empty value takes back what a global header said.
    if key.elementsEqual("path".utf8) {
      path = value.isEmpty ? nil : value
    } else if key.elementsEqual("linkpath".utf8) {
      link = value.isEmpty ? nil : value
    } else if key.elementsEqual("size".utf8) {
      size = try Self.size(value)
    } else if key.elementsEqual("GNU.sparse.name".utf8) {
      sparseName = value
    } else if key.elementsEqual("GNU.sparse.realsize".utf8) || key.elementsEqual("GNU.sparse.size".utf8) {
      realSize = try Self.size(value)
    }
  }

  /// Other readers take more for a number than POSIX does. Where an entry ends must not depend on who reads: what is none here is
  /// none for the layer.
  private static func size(_ value: [UInt8]) throws(LayerError) -> Int64? {
    guard !value.isEmpty else { return nil }
    guard let size = decimal(value) else { throw broken }
    return size
  }

  /// Nil for what is no number, negative or too large.
  static func decimal(_ bytes: [UInt8]) -> Int64? {
    guard (1...18).contains(bytes.count) else { return nil }
    var value: Int64 = 0
    for byte in bytes {
      let digit = byte &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      value = value * 10 + Int64(digit)
    }
    return value
  }
}
