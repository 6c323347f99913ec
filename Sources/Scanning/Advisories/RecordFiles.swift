internal import Glibc

/// Reads records from files as they are published: lines of JSON, packed or not, a document of one record, an archive of such, or a
/// folder of all of them.
public enum RecordFiles {
  /// A record that could not be had, and where.
  public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }

    /// Of the last call of the system.
    static func ofSystem(_ path: String) -> Failure {
      Failure(description: "\(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Calls `body` with the bytes of each record of a file, or of all files below a folder in the order of their names.
  ///
  /// - Throws: ``Failure``, or what `body` throws.
  public static func each(at path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let reader = try RecordWalk(at: path)
    while try reader.next(body) {}
  }

  /// Of a document that is read as one.
  public static let wholeLimitBytes = 64 << 20

  /// Calls `body` with the bytes of a file as one, packed or not.
  ///
  /// - Throws: ``Failure``, or what `body` throws.
  public static func whole(
    at path: String, limitBytes: Int = wholeLimitBytes, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let file = try RecordFile(path, isOne: true, limitBytes: limitBytes)
    _ = try file.next(body)
  }
}

/// Records of a file or folder one after the other, for who asks for the next.
public final class RecordWalk {
  /// Files and folders that were not opened yet; the last one is the next.
  private var waiting: [(path: String, depth: Int)]
  private var file: RecordFile?

  /// Folders in folders.
  private static let depthLimit = 16
  private static let endings = [
    ".json", ".jsonl", ".ndjson", ".json.zst", ".jsonl.zst", ".json.gz", ".jsonl.gz", ".zip",
  ]

  public init(at path: String) throws { waiting = [(path, 0)] }

  /// - Parameters:
  ///   - source: lines, packed or not.
  ///   - name: what is said of a record that cannot be had.
  init(lines source: any ByteSource, of name: String) throws {
    waiting = []
    file = try RecordFile(lines: source, of: name)
  }

  /// Calls `body` with the next record. Answers false when there is none.
  ///
  /// - Throws: ``RecordFiles/Failure``, or what `body` throws.
  public func next(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
    while true {
      if let file {
        if try file.next(body) { return true }
        self.file = nil
      }
      guard let (path, depth) = waiting.popLast() else { return false }
      try open(path, depth)
    }
  }

  private func open(_ path: String, _ depth: Int) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw RecordFiles.Failure.ofSystem(path) }
    if status.st_mode & S_IFMT == S_IFDIR {
      guard depth < Self.depthLimit else {
        throw RecordFiles.Failure(description: "\(path): folders are too deep in one another")
      }
      waiting += try Self.names(in: path).reversed().map { ("\(path)/\($0)", depth + 1) }
      return
    }
    // Of what lies in a folder only records are read.
    guard depth == 0 || Self.endings.contains(where: { path.hasSuffix($0) }) else { return }
    file = try RecordFile(path, isOne: path.hasSuffix(".json") || path.contains(".json."))
  }

  private static func names(in folder: String) throws -> [String] {
    guard let directory = opendir(folder) else { throw RecordFiles.Failure.ofSystem(folder) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

/// One file of records.
private final class RecordFile {
  private enum Content {
    case lines(DecompressedSource)
    /// The whole file is one record, however many lines it has.
    case one(DecompressedSource)
    case archive(ZipWalk)
  }

  private let path: String
  private let descriptor: Int32
  private var content: Content
  /// What was read and not given yet begins at `position`.
  private var buffer: [UInt8] = []
  private var position = 0
  private var hasEnded = false

  private static let pieceBytes = 1 << 20
  /// What an archive of records may have: those of OSV have some hundred thousand members.
  private static let zipLimits = ZipLimits(
    memberCount: 5_000_000, unpackedBytes: 256 << 30, depth: 1, documentBytes: OSVReader.recordLimitBytes)

  private let limitBytes: Int

  init(_ path: String, isOne: Bool, limitBytes: Int = OSVReader.recordLimitBytes) throws {
    self.path = path
    self.limitBytes = limitBytes
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw RecordFiles.Failure.ofSystem(path) }
    do throws(LayerError) {
      if path.hasSuffix(".zip") {
        content = .archive(ZipWalk(DescriptorSource(descriptor), ZipBudget(Self.zipLimits)))
      } else {
        let source = try DecompressedSource(DescriptorSource(descriptor))
        content = isOne ? .one(source) : .lines(source)
      }
    } catch {
      close(descriptor)
      throw RecordFiles.Failure(description: "\(path): \(error)")
    }
  }

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
    case .archive(let walk): return try nextMember(walk, body)
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
    case .archive: return false
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
        record = try walk.document()
        guard record != nil else {
          throw .file(CatalogueError("\(member.name) has more than \(OSVReader.recordLimitBytes) bytes"))
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
}
