import BlobStorage
import Ground
import OCI
import TestSupport
import Testing

@testable import RegistryCore

@Suite struct `The name of an upload session` {
  let key = [UInt8](repeating: 7, count: 32)
  let repository = RepositoryName.sample("acme/api")

  private func token() -> UploadToken {
    UploadToken(
      for: repository, key: key, now: Timestamp(microseconds: 1_700_000_000_000_000), random: SeededRandom(seed: 1))
  }

  @Test func `is understood by whoever has the key`() {
    let made = token()
    #expect(UploadToken(made.text, for: repository, key: key) == made)
    #expect(made.startedAt.microseconds == 1_700_000_000_000_000)
  }

  @Test func `is worth nothing for another repository or under another key`() throws {
    let made = token()
    #expect(UploadToken(made.text, for: try RepositoryName(parsing: "acme/web"), key: key) == nil)
    #expect(UploadToken(made.text, for: repository, key: [UInt8](repeating: 8, count: 32)) == nil)
  }

  @Test func `cannot be changed in any character`() {
    let text = Array(token().text.utf8)
    for index in text.indices {
      var forged = text
      forged[index] = forged[index] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
      #expect(UploadToken(String(decoding: forged, as: UTF8.self), for: repository, key: key) == nil)
    }
  }

  @Test(arguments: ["", "-", "../../etc/passwd", String(repeating: "0", count: 65), String(repeating: "é", count: 33)])
  func `is nothing that a client makes up`(text: String) {
    #expect(UploadToken(text, for: repository, key: key) == nil)
  }

  @Test func `expires when nothing is heard of it`() throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine()
      let client = try SimulatedClient(try await machine.start(), "acme/api")
      let token = client.registry.beginUpload(permit: client.push)
      let bytes = [UInt8](repeating: 1, count: 1000)
      _ = try await client.registry.append(Pieces(bytes), to: token, at: 0, AppendExtent())
      machine.clock.advance(by: .seconds(23 * 3600))
      _ = try await client.registry.upload(token.text, permit: client.push)
      _ = try await client.registry.append(Pieces(bytes), to: token, at: 1000, AppendExtent())
      machine.clock.advance(by: .seconds(23 * 3600))
      _ = try await client.registry.upload(token.text, permit: client.push)
      #expect(try await client.registry.expiredUploads().isEmpty)
      machine.clock.advance(by: .seconds(2 * 3600))
      await #expect(throws: RegistryError.self) { try await client.registry.upload(token.text, permit: client.push) }
      for upload in try await client.registry.expiredUploads() {
        #expect(try await client.registry.discardExpiredUpload(upload))
      }
      #expect(try await client.registry.store.uploads().isEmpty)
    }
  }

  /// Also where another replica expires it too.
  @Test func `that ends just before it is discarded does not keep others from it`() throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine(keepsObjects: true)
      let client = try SimulatedClient(try await machine.start(), "acme/api")
      let token = client.registry.beginUpload(permit: client.push)
      _ = try await client.registry.append(Pieces([UInt8](repeating: 1, count: 1000)), to: token, at: 0, AppendExtent())
      machine.clock.advance(by: .seconds(25 * 3600))
      #expect(try await client.registry.expiredUploads() == [token.upload])
      try await client.registry.cancelUpload(token)
      #expect(try await client.registry.discardExpiredUpload(token.upload) == false)
    }
  }

  /// Asked for when a request that ends an upload comes once more.
  @Test func `may have ended as a blob that is in its repository and can be read, and as no other`() throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine(keepsObjects: true)
      let client = try SimulatedClient(try await machine.start(), "acme/api")
      let registry = client.registry
      let blob = SampleBlob([1, 2, 3])
      let token = registry.beginUpload(permit: client.push)
      _ = try await registry.append(Pieces(blob.bytes), to: token, at: 0, AppendExtent())
      try await registry.finishUpload(token, as: blob.digest, permit: client.push)
      #expect(try await registry.mayHaveEnded(token.text, as: blob.digest, permit: client.push))
      #expect(try await !registry.mayHaveEnded("unknown", as: blob.digest, permit: client.push))
      #expect(try await !registry.mayHaveEnded(token.text, as: SampleBlob([4]).digest, permit: client.push))
      // Its bytes go behind our back.
      let objects = try #require(machine.objects)
      for key in objects.keys { objects.tamper(key, nil) }
      #expect(try await !registry.mayHaveEnded(token.text, as: blob.digest, permit: client.push))
    }
  }
}
