import Glibc

/// A folder that is there for as long as somebody needs it.
struct TemporaryFolder {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let path: String

  init() throws {
    let base = processEnvironment()["TMPDIR"] ?? "/tmp"
    var template = Array("\(base)/berth-XXXXXX".utf8CString)
    let isMade = template.withUnsafeMutableBufferPointer { space in
      space.baseAddress.map { mkdtemp($0) != nil } ?? false
    }
    guard isMade else {
      throw Failure(description: "no folder can be made in \(base): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func remove() { Self.remove(path) }

  private static func remove(_ path: String) {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name != ".", name != ".." else { continue }
      if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
    }
    closedir(directory)
    rmdir(path)
  }
}
