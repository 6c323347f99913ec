import Glibc
import Metadata
import TestSupport
import Testing

/// The database holds the key that signs tokens, and what passwords are held against.
@Suite struct `The database's files` {
  private static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
  }

  @Test func `are read by nobody else on the machine, whatever the directory lets them`() async throws {
    let directory = try temporaryDirectory()
    defer { try? removeTree(directory) }
    try #require(chmod(directory, 0o755) == 0)
    let path = directory + "/metadata.db"
    let database = try SQLiteDatabase(path: path)
    _ = try await database.write { try $0.insertNamespace("acme", isPublic: false) }
    for suffix in ["", "-wal", "-shm"] {
      let mode = try #require(Self.mode(path + suffix), "\(suffix)")
      #expect(mode & 0o007 == 0, "\(suffix): \(String(mode, radix: 8))")
    }
  }

  @Test func `are taken from others where an older version let them read`() async throws {
    let directory = try temporaryDirectory()
    defer { try? removeTree(directory) }
    let path = directory + "/metadata.db"
    try #require(close(open(path, O_CREAT | O_RDWR, 0o644)) == 0)
    try #require(chmod(path, 0o644) == 0)
    _ = try SQLiteDatabase(path: path)
    #expect(Self.mode(path) == 0o640)
  }
}
