internal import Glibc

/// Reads records from files as they are published: lines of JSON, packed or not, a document of one record, or a folder of them.
public enum RecordFiles {
  /// A record that could not be had, and where.
  public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
  }

  /// Folders in folders.
  private static let depthLimit = 16
  private static let pieceBytes = 1 << 20

  /// Calls `body` with the bytes of each record of a file, or of all files below a folder in the order of their names.
  ///
  /// - Throws: ``Failure``, or what `body` throws.
  public static func each(at path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try each(at: path, depth: 0, body)
  }

  private static func each(at path: String, depth: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure(path) }
    if status.st_mode & S_IFMT == S_IFDIR {
      guard depth < depthLimit else { throw Failure(description: "\(path): folders are too deep in one another") }
      for name in try names(in: path) { try each(at: "\(path)/\(name)", depth: depth + 1, body) }
      return
    }
    // Of what lies in a folder only records are read.
    let isRecord = [".json", ".jsonl", ".ndjson", ".json.zst", ".jsonl.zst", ".json.gz", ".jsonl.gz"].contains {
      path.hasSuffix($0)
    }
    guard depth == 0 || isRecord else { return }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var source: DecompressedSource
    do throws(LayerError) { source = try DecompressedSource(DescriptorSource(descriptor)) } catch {
      throw Failure(description: "\(path): \(error)")
    }
    let isOne = path.hasSuffix(".json") || path.contains(".json.")
    try lines(of: &source, path, isOne: isOne, body)
  }

  /// Calls `body` with the bytes of a file as one, packed or not.
  ///
  /// - Throws: ``Failure``, or what `body` throws.
  public static func whole(at path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var source: DecompressedSource
    do throws(LayerError) { source = try DecompressedSource(DescriptorSource(descriptor)) } catch {
      throw Failure(description: "\(path): \(error)")
    }
    try lines(of: &source, path, isOne: true, body)
  }

  private static func failure(_ path: String) -> Failure {
    Failure(description: "\(path): \(String(cString: strerror(errno)))")
  }

  private static func names(in folder: String) throws -> [String] {
    guard let directory = opendir(folder) else { throw failure(folder) }
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

  /// - Parameter isOne: the whole file is one record, however many lines it has.
  private static func lines(
    of source: inout DecompressedSource, _ path: String, isOne: Bool, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
    defer { space.deallocate() }
    var waiting: [UInt8] = []
    while true {
      let count: Int
      do throws(LayerError) { count = try source.read(into: space) } catch {
        throw Failure(description: "\(path): \(error)")
      }
      guard count > 0 else { break }
      var rest = UnsafeRawBufferPointer(rebasing: space[..<count])
      while !isOne, let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        let line = UnsafeRawBufferPointer(rebasing: rest[..<end])
        if waiting.isEmpty {
          if !line.isEmpty { try body(line) }
        } else {
          waiting.append(contentsOf: line)
          try waiting.withUnsafeBytes { try body($0) }
          waiting.removeAll(keepingCapacity: true)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
      }
      waiting.append(contentsOf: rest)
      guard waiting.count <= OSVReader.recordLimitBytes else {
        throw Failure(description: "\(path): a record has more than \(OSVReader.recordLimitBytes) bytes")
      }
    }
    if !waiting.isEmpty { try waiting.withUnsafeBytes { try body($0) } }
  }
}
