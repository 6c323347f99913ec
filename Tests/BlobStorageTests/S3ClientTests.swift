import Ground
import NIOCore
import OCI
import TestSupport
import Testing

@testable import BlobStorage

/// The client against a real S3 server, with faults on the way.
@Suite struct `The client of an object store` {
  static let keys = ["plain", "with space", "ümlaut/ß", "a+b&c=d?e#f%25", "deep/er/path", "quote\"<x>'"]

  @Test(arguments: keys)
  func `stores, lists and removes an object of any name`(key: String) async throws {
    try await withS3Client { client, _ in
      let blob = SampleBlob(seed: 1, size: 70_000)
      try await client.put(blob.buffer, to: key, sha256: blob.digest.withBytes { Array($0) })
      #expect(try await client.size(of: key) == 70_000)
      #expect(try await client.list(prefix: "", after: nil, limit: 10) == [ObjectListing(key: key, sizeBytes: 70_000)])
      let middle = try await client.get(key, ByteRange(first: 100, last: 60_099)).bytes()
      #expect(middle == Array(blob.bytes[100..<60_100]))
      try await client.remove([key])
      try await client.remove([key, "not there"])
      #expect(try await client.size(of: key) == nil)
      await #expect(throws: ObjectStoreError.noSuchKey) { try await client.get(key, ByteRange(first: 0, last: 1)) }
    }
  }

  @Test func `lists in pages, and removes many at once`() async throws {
    try await withS3Client { client, _ in
      let names = (0..<25).map { "page/\($0 + 100)" }
      for name in names { try await client.put(ByteBuffer(), to: name, sha256: nil) }
      var seen: [String] = []
      while true {
        let page = try await client.list(prefix: "page/", after: seen.last, limit: 7)
        seen += page.map(\.key)
        if page.count < 7 { break }
      }
      #expect(seen == names)
      try await client.remove(names)
      #expect(try await client.list(prefix: "", after: nil, limit: 5).isEmpty)
    }
  }

  @Test func `lists uploads in parts in pages`() async throws {
    try await withS3Client { client, _ in
      var begun: Set<UnfinishedObject> = []
      for number in 0..<7 {
        let key = "blobs/\(number)"
        begun.insert(UnfinishedObject(place: key, upload: try await client.beginParts(of: key)))
      }
      _ = try await client.beginParts(of: "other/key")
      var seen: [UnfinishedObject] = []
      var marker: UnfinishedPage.Marker?
      repeat {
        let page = try await client.listUploads(prefix: "blobs/", after: marker, limit: 3)
        seen += page.objects
        marker = page.next
      } while marker != nil && seen.count < 100
      #expect(Set(seen) == begun && seen.count == 7)
    }
  }

  @Test func `sends an object in parts`() async throws {
    try await withS3Client { client, bucket in
      let blob = SampleBlob(seed: 2, size: 11 << 20)
      let upload = try await client.beginParts(of: "blobs/large")
      let begun = try await client.listUploads(prefix: "blobs/", after: nil, limit: 5)
      #expect(begun.objects == [UnfinishedObject(place: "blobs/large", upload: upload)] && begun.next == nil)
      var parts: [UploadRecord.Part] = []
      for (number, bounds) in [0..<(6 << 20), (6 << 20)..<(11 << 20)].enumerated() {
        let tag = try await client.putPart(
          ByteBuffer(bytes: blob.bytes[bounds]), number + 1, of: "blobs/large", upload: upload)
        parts.append(.init(number: number + 1, entityTag: tag, sizeBytes: Int64(bounds.count)))
      }
      try await client.completeParts(of: "blobs/large", upload: upload, parts: parts)
      // Some stores remember what they completed, and say yes again.
      do { try await client.completeParts(of: "blobs/large", upload: upload, parts: parts) } catch ObjectStoreError
        .noSuchUpload
      {}
      try await client.abortParts(of: "blobs/large", upload: upload)
      let whole = try await client.get("blobs/large", ByteRange(first: 0, last: (11 << 20) - 1)).bytes()
      #expect(whole == blob.bytes)
      #expect(try await bucket.backdoor.unfinishedUploads() == [])
    }
  }

  @Test func `refuses bytes that do not have the hash they were sent with`() async throws {
    try await withS3Client { client, _ in
      let wrong = [UInt8](repeating: 1, count: 32)
      await #expect(throws: ObjectStoreError.self) {
        try await client.put(ByteBuffer(string: "other"), to: "key", sha256: wrong)
      }
      let size = try await client.size(of: "key")
      #expect(size == nil)
    }
  }

  @Test func `has the store find what was spoilt on the way, parts too, and sends it again`() async throws {
    let recorder = try S3Recorder(to: try await ObjectStoreServer.shared())
    defer { recorder.stop() }
    try await withS3Client(through: recorder) { client, _ in
      let spoiling = S3FaultRule(.spoilRequest, on: [.putObject, .uploadPart], times: 1)
      let blob = SampleBlob(seed: 5, size: (5 << 20) + 300_000)
      recorder.follow([spoiling])
      try await client.put(blob.buffer, to: "whole", sha256: nil)
      #expect(
        try await client.get("whole", ByteRange(first: 0, last: Int64(blob.bytes.count) - 1)).bytes() == blob.bytes)
      #expect(client.figures.requests[.put] == 2)

      let upload = try await client.beginParts(of: "parts")
      var parts: [UploadRecord.Part] = []
      for (index, piece) in [blob.bytes.prefix(5 << 20), blob.bytes.dropFirst(5 << 20)].enumerated() {
        recorder.follow([spoiling])
        let receipt = try await client.putPart(ByteBuffer(bytes: piece), index + 1, of: "parts", upload: upload)
        parts.append(.init(number: index + 1, entityTag: receipt, sizeBytes: Int64(piece.count)))
      }
      try await client.completeParts(of: "parts", upload: upload, parts: parts)
      #expect(
        try await client.get("parts", ByteRange(first: 0, last: Int64(blob.bytes.count) - 1)).bytes() == blob.bytes)
      #expect(client.figures.requests[.putPart] == 4)
    }
  }

  @Test func `says so when what it sends is always spoilt`() async throws {
    let recorder = try S3Recorder(to: try await ObjectStoreServer.shared())
    defer { recorder.stop() }
    try await withS3Client(through: recorder) { client, _ in
      let upload = try await client.beginParts(of: "parts")
      recorder.follow([S3FaultRule(.spoilRequest, on: [.uploadPart])])
      do {
        _ = try await client.putPart(ByteBuffer(repeating: 7, count: 70_000), 1, of: "parts", upload: upload)
        Issue.record("a part that the store got wrong was taken")
      } catch ObjectStoreError.refused(_, let code, _) {
        #expect(code == "BadDigest")
      }
      #expect(client.figures.requests[.putPart] == 2)
    }
  }

  @Test func `says what is wrong with keys, buckets and addresses`() async throws {
    let bucket = try await ObjectStoreServer.shared().freshBucket()
    func failure(_ location: String, secret: String, retrying: Duration = .seconds(60)) async throws
      -> ObjectStoreError?
    {
      var settings = S3Settings(location: try S3Location(parsing: location))
      settings.retryTimeout = retrying
      let client = try S3Client(
        settings, credentials: S3Credentials(accessKey: bucket.accessKey, secretKey: secret))
      var found: ObjectStoreError?
      do { _ = try await client.list(prefix: "", after: nil, limit: 1) } catch let error as ObjectStoreError {
        found = error
      }
      try await client.shutdown()
      return found
    }
    guard case .refused(403, "SignatureDoesNotMatch", _)? = try await failure(bucket.location, secret: "wrong") else {
      return #expect(Bool(false), "a wrong secret was not refused as such")
    }
    let other = bucket.location.replacing(bucket.name, with: "no-such-bucket")
    guard case .refused(404, "NoSuchBucket", _)? = try await failure(other, secret: bucket.secretKey) else {
      return #expect(Bool(false), "a bucket that is not there was not told")
    }
    let nobody = bucket.location(throughPort: try FreePort.next())
    guard case .unavailable? = try await failure(nobody, secret: bucket.secretKey, retrying: .milliseconds(300)) else {
      return #expect(Bool(false), "an address without a server was not told")
    }
  }

  @Test func `lets a signed URL be fetched without keys, for a while`() async throws {
    try await withS3Client { client, bucket in
      try await client.put(ByteBuffer(string: "content"), to: "a/b", sha256: nil)
      let url = try await client.signedURL(of: "a/b", lifetime: .seconds(60))
      #expect(url.contains("X-Amz-Expires=60"))
      let path = String(url.drop { $0 != ":" }.dropFirst(3).drop { $0 != "/" })
      let port = try #require(client.settings.location.authority.split(separator: ":").last.flatMap { Int($0) })
      let response = try await RawHTTPClient(host: "127.0.0.1", port: port).send(RawRequest("GET", path))
      #expect(response.status == 200)
      #expect(String(decoding: response.body, as: UTF8.self) == "content")
      let other = path.replacing("a/b", with: "a/c")
      #expect(try await RawHTTPClient(host: "127.0.0.1", port: port).send(RawRequest("GET", other)).status == 403)
    }
  }

  @Test(arguments: [
    HTTPFault.status(503), .status(500), .resetInRequest(afterBytes: 1000), .loseAnswer, .resetInAnswer(afterBytes: 10),
  ])
  func `tries again what fails for the moment`(fault: HTTPFault) async throws {
    let recorder = try S3Recorder(to: try await ObjectStoreServer.shared())
    try await withS3Client(through: recorder) { client, _ in
      let blob = SampleBlob(seed: 3, size: 100_000)
      recorder.follow([S3FaultRule(fault, times: 2)])
      try await client.put(blob.buffer, to: "key", sha256: nil)
      recorder.follow([S3FaultRule(fault, times: 1)])
      let bytes = try await client.get("key", ByteRange(first: 0, last: 99_999)).bytes()
      #expect(bytes == blob.bytes)
      #expect(client.figures.retries > 0)
      #expect(client.figures.failures == 0)
    }
    recorder.stop()
  }

  @Test func `goes on where an answer broke off`() async throws {
    let recorder = try S3Recorder(to: try await ObjectStoreServer.shared())
    try await withS3Client(through: recorder) { client, _ in
      let blob = SampleBlob(seed: 4, size: 3 << 20)
      try await client.put(blob.buffer, to: "key", sha256: nil)
      recorder.follow([S3FaultRule(.resetInAnswer(afterBytes: 1 << 20), times: 2)])
      let bytes = try await client.get("key", ByteRange(first: 0, last: (3 << 20) - 1)).bytes()
      #expect(bytes == blob.bytes)
    }
    recorder.stop()
  }

  @Test func `does not try again what is refused`() async throws {
    let recorder = try S3Recorder(to: try await ObjectStoreServer.shared())
    try await withS3Client(through: recorder) { client, _ in
      recorder.follow([S3FaultRule(.status(403))])
      await #expect(throws: ObjectStoreError.self) { try await client.size(of: "key") }
      #expect(client.figures.retries == 0)
      #expect(client.figures.failures == 1)
    }
    recorder.stop()
  }
}

extension BlobChunks {
  func bytes() async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await chunk in self { bytes += chunk.readableBytesView }
    return bytes
  }
}
