internal import CCompression

/// The list of a layer's files in parts, each packed by itself, that follow one another.
public enum FileListCoding {
  /// Of a part before it is packed: a row of a database that is read at once.
  public static let partBytes = 256 << 10
  /// Of a part once it is unpacked: the last file may stand beyond the size of a part.
  static let unpackedLimitBytes = 1 << 20

  /// Gathers files, and gives a part away whenever there is enough for one.
  struct Writer {
    private var record = RecordWriter()
    private let send: ([UInt8]) -> Void

    init(_ send: @escaping ([UInt8]) -> Void) { self.send = send }

    mutating func add(_ file: ListedFile) {
      record.add(UInt64(file.kind.rawValue))
      record.add(file.path)
      record.add(UInt64(clamping: file.size))
      record.add(UInt64(file.mode))
      record.add(file.target)
      record.add(file.digest)
      if record.bytes.count >= FileListCoding.partBytes { flush() }
    }

    mutating func flush() {
      guard !record.bytes.isEmpty else { return }
      if let packed = FileListCoding.packed(record.bytes) { send(packed) }
      record = RecordWriter()
    }
  }

  /// The files of a part.
  ///
  /// - Throws: ``RecordError`` for anything that was not written so.
  public static func files(in part: [UInt8]) throws(RecordError) -> [ListedFile] {
    var reader = RecordReader(try unpacked(part))
    var files: [ListedFile] = []
    while !reader.isAtEnd {
      guard let kind = UInt8(exactly: try reader.number()).flatMap({ ListedFile.Kind(rawValue: $0) }) else {
        throw RecordError()
      }
      let (path, size) = (try reader.text(), try reader.int64())
      guard let mode = UInt16(exactly: try reader.number()) else { throw RecordError() }
      files.append(
        ListedFile(
          kind: kind, path: path, size: size, mode: mode, target: try reader.text(), digest: try reader.raw()))
    }
    return files
  }

  private static let level: Int32 = 3

  private static func packed(_ bytes: [UInt8]) -> [UInt8]? {
    let bound = ZSTD_compressBound(bytes.count)
    var failed = false
    let packed = [UInt8](unsafeUninitializedCapacity: bound) { space, count in
      let size = ZSTD_compress(space.baseAddress, bound, bytes, bytes.count, level)
      failed = ZSTD_isError(size) != 0
      count = failed ? 0 : size
    }
    return failed ? nil : packed
  }

  private static func unpacked(_ bytes: [UInt8]) throws(RecordError) -> [UInt8] {
    var failed = false
    let unpacked = [UInt8](unsafeUninitializedCapacity: unpackedLimitBytes) { space, count in
      let size = ZSTD_decompress(space.baseAddress, unpackedLimitBytes, bytes, bytes.count)
      failed = ZSTD_isError(size) != 0
      count = failed ? 0 : size
    }
    guard !failed else { throw RecordError() }
    return unpacked
  }
}
