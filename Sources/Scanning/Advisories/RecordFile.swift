internal import Glibc

/// One file of records.
final class RecordFile {
  private enum Content {
    case lines(DecompressedSource)
    /// The whole file is one record, however many lines it has.
    case one(DecompressedSource)
    case zip(ZipWalk)
    case tar(TarReader)
  }

  /// Archives that are not told by their content, for who walks a folder.
  static let tarEndings = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"]

  private let path: String
  private let descriptor: Int32
  private var content: Content
  /// What was read and not given yet begins at `position`.
  private var buffer: [UInt8] = []
  private var position = 0
  private var hasEnded = false
  /// Of lines: how many were given or skipped.
  private var lineCount = 0
  private var member = ""

  /// Where the record lies that was given last.
  var place: String {
    switch content {
    case .lines: "\(path): line \(lineCount)"
    case .zip, .tar: "\(path): \(member)"
    case .one: path
    }
  }

  private static let pieceBytes = 1 << 20
  /// What an archive of records may have: those of OSV have some hundred thousand members.
  private static let memberLimit = 5_000_000
  private static let unpackedLimitBytes: Int64 = 256 << 30

  private let limitBytes: Int

  init(_ path: String, isOne: Bool, limitBytes: Int) throws {
    self.path = path
    self.limitBytes = limitBytes
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw RecordFiles.Failure.ofSystem(path) }
    do throws(LayerError) {
      if path.hasSuffix(".zip") {
        let limits = ZipLimits(
          memberCount: Self.memberLimit, unpackedBytes: Self.unpackedLimitBytes, depth: 1, documentBytes: limitBytes)
        content = .zip(ZipWalk(DescriptorSource(descriptor), ZipBudget(limits)))
      } else {
        var limits = ArchiveLimits()
        limits.entryCount = Self.memberLimit
        limits.uncompressedBytes = Self.unpackedLimitBytes
        let source = try DecompressedSource(DescriptorSource(descriptor), limits: limits)
        if Self.tarEndings.contains(where: { path.hasSuffix($0) }) {
          content = .tar(TarReader(source, limits: limits))
        } else {
          content = isOne ? .one(source) : .lines(source)
        }
      }
    } catch {
      close(descriptor)
      throw RecordFiles.Failure(description: "\(path): \(error)")
    }
  }

  /// Lines, packed or not.
  ///
  /// - Parameter name: what is said of a record that cannot be had.
  init(lines source: any ByteSource, of name: String) throws {
    path = name
    limitBytes = OSVReader.recordLimitBytes
    descriptor = -1
    do throws(LayerError) { content = .lines(try DecompressedSource(source)) } catch {
      throw RecordFiles.Failure(description: "\(name): \(error)")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func next(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
    switch content {
    case .zip(let walk): return try nextMember(walk, body)
    case .tar(let archive): return try nextEntry(archive, body)
    case .one:
      guard !hasEnded else { return false }
      while try fill() {}
      hasEnded = true
      guard !buffer.isEmpty else { return false }
      try buffer.withUnsafeBytes { try body($0) }
      return true
    case .lines: return try nextLine(body)
    }
  }

  private func nextLine(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
    var searched = position
    while true {
      let end = buffer.withUnsafeBytes { bytes -> Int? in
        guard searched < bytes.count, let base = bytes.baseAddress,
          let found = memchr(base + searched, 0x0A, bytes.count - searched)
        else { return nil }
        return UnsafeRawPointer(found) - base
      }
      if let end {
        let line = position..<end
        position = end + 1
        lineCount += 1
        searched = position
        guard !line.isEmpty else { continue }
        try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[line])) }
        return true
      }
      searched = buffer.count - position
      if position > 0 {
        buffer.removeSubrange(..<position)
        position = 0
      }
      guard try fill() else { break }
    }
    guard !buffer.isEmpty, !hasEnded else { return false }
    hasEnded = true
    lineCount += 1
    try buffer.withUnsafeBytes { try body($0) }
    return true
  }

  /// Reads on. Answers false at the end.
  private func fill() throws -> Bool {
    let isOne: Bool
    var source: DecompressedSource
    switch content {
    case .lines(let lines): (isOne, source) = (false, lines)
    case .one(let one): (isOne, source) = (true, one)
    case .zip, .tar: return false
    }
    guard buffer.count <= limitBytes else {
      throw RecordFiles.Failure(description: "\(path): a record has more than \(limitBytes) bytes")
    }
    let before = buffer.count
    var count = 0
    var failure: LayerError?
    buffer.append(contentsOf: repeatElement(0, count: Self.pieceBytes))
    buffer.withUnsafeMutableBytes { bytes in
      do throws(LayerError) {
        count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[before...]))
      } catch {
        failure = error
      }
    }
    buffer.removeLast(Self.pieceBytes - count)
    content = isOne ? .one(source) : .lines(source)
    if let failure { throw RecordFiles.Failure(description: "\(path): \(failure)") }
    return count > 0
  }

  private func nextMember(_ walk: ZipWalk, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
    var record: [UInt8]?
    do throws(StreamFailure) {
      while record == nil {
        guard let member = try walk.next() else { return false }
        guard member.name.hasSuffix(".json") else { continue }
        self.member = String(member.name.suffix(256))
        record = try walk.document()
        guard record != nil else {
          throw .file(CatalogueError("\(member.name) has more than \(limitBytes) bytes"))
        }
      }
    } catch {
      switch error {
      case .file(let failure): throw RecordFiles.Failure(description: "\(path): \(failure.reason)")
      case .layer(let failure): throw RecordFiles.Failure(description: "\(path): \(failure)")
      }
    }
    try record?.withUnsafeBytes { try body($0) }
    return true
  }

  /// The next document of an archive, held for as long as it is read. Whatever else lies in it is skipped.
  private func nextEntry(_ archive: TarReader, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
    var isThere = false
    do throws(LayerError) {
      buffer.removeAll(keepingCapacity: true)
      while let entry = try archive.next() {
        guard case .file = entry.kind, entry.path.suffix(5).elementsEqual(".json".utf8), !entry.isSparse else {
          continue
        }
        guard entry.size <= Int64(limitBytes) else {
          let name = String(decoding: entry.path.suffix(256), as: UTF8.self)
          throw .limit("\(name) has more than \(limitBytes) bytes")
        }
        member = String(decoding: entry.path.suffix(256), as: UTF8.self)
        while let part = try archive.part() { buffer.append(contentsOf: part) }
        isThere = true
        break
      }
      if !isThere {
        // Half a feed would take away what the other half says.
        guard archive.hasEndMark else { throw .broken("it is cut off: its archive has no end") }
        try archive.drain()
      }
    } catch {
      throw RecordFiles.Failure(description: "\(path): \(error)")
    }
    guard isThere else { return false }
    try buffer.withUnsafeBytes { try body($0) }
    return true
  }
}
