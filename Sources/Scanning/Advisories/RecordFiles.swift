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
  /// - Parameter limitBytes: of one record.
  /// - Throws: ``Failure``, or what `body` throws.
  public static func each(
    at path: String, limitBytes: Int = OSVReader.recordLimitBytes, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let reader = try RecordWalk(at: path, limitBytes: limitBytes)
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
  private static let endings =
    [
      ".json", ".jsonl", ".ndjson", ".json.zst", ".jsonl.zst", ".json.gz", ".jsonl.gz", ".zip",
    ] + RecordFile.tarEndings

  private let limitBytes: Int

  /// Where the record lies that was given last: the file, with the line or the member of an archive.
  public var place: String { file?.place ?? "" }

  /// - Parameter limitBytes: of one record.
  public init(at path: String, limitBytes: Int = OSVReader.recordLimitBytes) throws {
    waiting = [(path, 0)]
    self.limitBytes = limitBytes
  }

  /// - Parameters:
  ///   - source: lines, packed or not.
  ///   - name: what is said of a record that cannot be had.
  init(lines source: any ByteSource, of name: String) throws {
    waiting = []
    limitBytes = OSVReader.recordLimitBytes
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
    file = try RecordFile(path, isOne: path.hasSuffix(".json") || path.contains(".json."), limitBytes: limitBytes)
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
