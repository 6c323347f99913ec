import Foundation

/// A temporary folder that goes when its owner does.
final class Workspace: Sendable {
  let path: String

  init() throws {
    // Short, because the paths of sockets within it may have 107 bytes at most; lower case, because podman makes a
    // repository name of the path of a layout.
    path = "/tmp/berth-e2e-" + String(UInt64.random(in: 0..<(1 << 40)), radix: 16)
    guard mkdir(path, 0o700) == 0 else { throw HarnessError("cannot create \(path): errno \(errno)") }
  }

  deinit { remove() }

  /// Removes everything in it. Called by `deinit`; the shared workspace calls it when the test run exits.
  func remove() { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// A folder in it, made when it is not there.
  func folder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    return file(name)
  }

  /// Writes a file and returns its path.
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }
}

/// Bytes of a file.
func readFile(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

/// Bytes that do not compress and that no other test has.
func randomBytes(_ count: Int) -> [UInt8] {
  guard let random = FileHandle(forReadingAtPath: "/dev/urandom") else { preconditionFailure("no /dev/urandom") }
  let bytes = [UInt8](random.readData(ofLength: count))
  precondition(bytes.count == count, "/dev/urandom ended")
  return bytes
}
