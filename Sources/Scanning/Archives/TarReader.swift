/// One entry of an archive.
struct TarEntry {
  var kind: TarHeader.Kind
  /// As the archive has it.
  var path: [UInt8]
  /// The target of a link, as the archive has it.
  var link: [UInt8]
  /// The size that a reader of the file sees.
  var size: Int64
  var mode: UInt16
  /// It has holes, and what the archive holds of it is not its content.
  var isSparse: Bool
}

/// Walks an archive from entry to entry, and reads the content of those that are asked for.
///
/// Knows v7, ustar, pax and GNU, with long names, large numbers and sparse files (whose content is skipped).
final class TarReader {
  private var source: any ByteSource
  private let limits: ArchiveLimits
  /// Bytes of the current entry that were not read yet, and the padding after them.
  private var remaining: Int64 = 0
  private var padding: Int64 = 0
  private let scratch: UnsafeMutableRawBufferPointer
  private(set) var entryCount = 0
  /// The block of zeros that ends an archive has come. Some writers leave it out.
  private(set) var hasEndMark = false
  /// Bytes of the archive that have been read.
  private(set) var position: Int64 = 0

  /// As much as a decoder makes at once without leaving the processor's caches.
  private static let scratchBytes = 128 << 10

  init(_ source: any ByteSource, limits: ArchiveLimits) {
    self.source = source
    self.limits = limits
    scratch = .allocate(byteCount: Self.scratchBytes, alignment: 16)
  }

  deinit { scratch.deallocate() }

  /// The next entry; nil at the end of the archive.
  ///
  /// - Throws: ``LayerError``, after which nothing more can be read.
  func next() throws(LayerError) -> TarEntry? {
    var own: ExtendedHeader?
    var longPath: [UInt8]?
    var longLink: [UInt8]?
    while true {
      try skip()
      guard let header = try header() else {
        guard longPath == nil, longLink == nil else {
          throw .broken("it is cut off: an entry has a name and no header")
        }
        return nil
      }
      entryCount += 1
      guard entryCount <= limits.entryCount else { throw .limit("it has more than \(limits.entryCount) entries") }
      begin(header.size)
      switch header.kind {
      case .extended:
        guard own == nil else { throw Self.ambiguous }
        own = try ExtendedHeader(bytes: try small(header.size))
      case .globalExtended:
        guard try ExtendedHeader(bytes: try small(header.size)).saysNothing else { throw Self.ambiguous }
      case .longPath: longPath = try small(header.size).prefix { $0 != 0 }.map { $0 }
      case .longLink: longLink = try small(header.size).prefix { $0 != 0 }.map { $0 }
      default: return try entry(header, own ?? ExtendedHeader(), longPath, longLink)
      }
    }
  }

  private func entry(
    _ header: TarHeader, _ extended: ExtendedHeader, _ longPath: [UInt8]?, _ longLink: [UInt8]?
  ) throws(LayerError) -> TarEntry {
    guard longPath == nil || extended.path == nil, longLink == nil || extended.link == nil, !extended.isUnknownSparse
    else { throw Self.ambiguous }
    var header = header
    let path = extended.sparseName ?? extended.path ?? longPath ?? header.path
    // Which the whole path says: that of the header may be cut off behind any of its slashes.
    if header.isUntyped, path.last == UInt8(ascii: "/") { header.kind = .directory }
    if let size = extended.size {
      header.size = size
      begin(size)
    }
    // Only files have bytes behind their headers, whatever size the others claim.
    switch header.kind {
    case .file, .oldSparse, .other: break
    default: begin(0)
    }
    var isSparse = false
    var size = header.size
    if case .oldSparse = header.kind {
      isSparse = true
      size = header.realSize ?? size
      header.kind = .file
      try skipMap(header)
    } else if extended.isSparse {
      isSparse = true
      size = extended.realSize ?? size
    }
    return TarEntry(
      kind: header.kind, path: path,
      link: extended.link ?? longLink ?? header.link, size: size, mode: header.mode, isSparse: isSparse)
  }

  /// The headers that go on with the map of a sparse file stand between its header and its bytes.
  private func skipMap(_ header: TarHeader) throws(LayerError) {
    let size = remaining
    var hasMore = header.hasMoreMap
    while hasMore {
      guard let block = try block() else { throw Self.cutOff }
      hasMore = block[504] != 0
      entryCount += 1
      guard entryCount <= limits.entryCount else { throw .limit("it has more than \(limits.entryCount) entries") }
    }
    begin(size)
  }

  private func begin(_ size: Int64) {
    remaining = size
    padding = size % 512 == 0 ? 0 : 512 - size % 512
  }

  /// What is in a layer must not depend on who reads it: runtimes and other tools take such headers differently.
  private static let ambiguous = LayerError.broken("a header of its archive can be read in more than one way")

  /// What begins in no way that is known.
  private static let noArchive = LayerError.broken(
    "it is no archive: neither tar, nor packed by gzip, zstd, xz or bzip2")

  private static var cutOff: LayerError { .broken("it is cut off: its archive ends in the middle of an entry") }

  // MARK: Bytes

  /// The next piece of the current entry's content, valid until something else is read; nil at its end.
  func part() throws(LayerError) -> UnsafeRawBufferPointer? {
    guard remaining > 0 else { return nil }
    let count = try fill(Int(min(remaining, Int64(scratch.count))), atLeast: 1)
    guard count > 0 else { throw Self.cutOff }
    remaining -= Int64(count)
    return UnsafeRawBufferPointer(rebasing: scratch[..<count])
  }

  /// The next bytes of the current entry's content, straight into `space`. 0: its end.
  func read(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int {
    let wanted = min(remaining, Int64(space.count))
    guard wanted > 0 else { return 0 }
    let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: space[..<Int(wanted)]))
    guard count > 0 else { throw Self.cutOff }
    remaining -= Int64(count)
    position += Int64(count)
    return count
  }

  /// Reads what stands behind the end of the archive: whether what it is packed in is whole shows only there.
  func drain() throws(LayerError) { while try fill(scratch.count, atLeast: 1) > 0 {} }

  private func skip() throws(LayerError) {
    var left = remaining + padding
    (remaining, padding) = (0, 0)
    while left > 0 {
      let count = try fill(Int(min(left, Int64(scratch.count))), atLeast: 1)
      guard count > 0 else { throw Self.cutOff }
      left -= Int64(count)
    }
  }

  /// The whole content of an entry that is known to be small: an extended header.
  private func small(_ size: Int64) throws(LayerError) -> [UInt8] {
    guard size <= Int64(limits.extendedHeaderBytes) else {
      throw .limit("an extended header of its archive has more than \(limits.extendedHeaderBytes) bytes")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(size))
    while let part = try part() { bytes.append(contentsOf: part) }
    return bytes
  }

  /// The next header; nil at the end: a block of zeros, or nothing more. A block that was begun is cut off.
  private func header() throws(LayerError) -> TarHeader? {
    let isFirst = position == 0
    let block: UnsafeRawBufferPointer?
    do throws(LayerError) { block = try self.block() } catch {
      throw isFirst && error == Self.cutOff ? Self.noArchive : error
    }
    guard let block else { return nil }
    guard TarHeader.isEmpty(block) else {
      do throws(LayerError) { return try TarHeader(block) } catch { throw isFirst ? Self.noArchive : error }
    }
    hasEndMark = true
    return nil
  }

  /// The next 512 bytes, until something else is read.
  private func block() throws(LayerError) -> UnsafeRawBufferPointer? {
    let count = try fill(TarHeader.size, atLeast: TarHeader.size)
    guard count > 0 else { return nil }
    guard count == TarHeader.size else { throw Self.cutOff }
    return UnsafeRawBufferPointer(rebasing: scratch[..<TarHeader.size])
  }

  /// Reads into the scratch space; less than `atLeast` only at the end.
  private func fill(_ wanted: Int, atLeast: Int) throws(LayerError) -> Int {
    var count = 0
    while count < atLeast {
      let read = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: scratch[count..<wanted]))
      guard read > 0 else { break }
      count += read
    }
    position += Int64(count)
    return count
  }
}

extension ExtendedHeader {
  fileprivate init(bytes: [UInt8]) throws(LayerError) {
    let parsed = bytes.withUnsafeBytes { bytes -> Result<ExtendedHeader, LayerError> in
      do throws(LayerError) { return .success(try ExtendedHeader(bytes)) } catch { return .failure(error) }
    }
    self = try parsed.get()
  }
}
