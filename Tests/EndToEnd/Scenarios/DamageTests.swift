import Foundation
import Testing

extension EndToEnd {
  @Suite struct DamageTests {
    @Test("a blob that rotted on disk is found by check, refused to readers, and healed by the next push of it")
    func rottenBlob() async throws {
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        let curl = Curl(workspace: workspace)
        let bytes = randomBytes((3 << 20) + 17)
        let digest = sha256(bytes)
        let file = try workspace.write(bytes, to: "blob")
        #expect(try await curl.pushBlob(file, digest: digest, to: "acme/api", at: base).status == 201)
        try await server.stop()
        #expect(try await server.check().succeeded)

        try damage(fileOf: bytes.count, in: server.dataDirectory)
        let check = try await server.check()
        #expect(!check.succeeded)
        #expect((check.text + check.errors).contains(digest), "\(check.story)")

        try await server.start()
        let refused = try await RegistryReader.get(server.address, "/v2/acme/api/blobs/\(digest)")
        #expect(refused.status != 200, "rotten bytes were served")
        #expect(try await curl.pushBlob(file, digest: digest, to: "acme/api", at: base).status == 201)
        let healed = try await RegistryReader.get(server.address, "/v2/acme/api/blobs/\(digest)")
        #expect(healed.status == 200)
        #expect(sha256(healed.body) == sha256(bytes))
        try await server.stop()
        let after = try await server.check()
        #expect(after.succeeded, "\(after.story)")
      }
    }

    /// Changes one byte in the middle of the one file of this size.
    private func damage(fileOf size: Int, in directory: String) throws {
      let paths = try FileManager.default.subpathsOfDirectory(atPath: directory).map { "\(directory)/\($0)" }
      let found = try paths.filter { path in
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == size
      }
      guard found.count == 1, let path = found.first else {
        throw HarnessError("\(found.count) files of \(size) bytes in \(directory), not one")
      }
      let descriptor = open(path, O_RDWR | O_CLOEXEC)
      guard descriptor >= 0 else { throw HarnessError("cannot open \(path): errno \(errno)") }
      defer { close(descriptor) }
      var byte: UInt8 = 0
      guard pread(descriptor, &byte, 1, off_t(size / 2)) == 1 else { throw HarnessError("cannot read \(path)") }
      byte ^= 0xff
      guard pwrite(descriptor, &byte, 1, off_t(size / 2)) == 1 else { throw HarnessError("cannot write \(path)") }
    }
  }
}
