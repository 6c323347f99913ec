import Ground
import TestSupport
import Testing

@testable import BlobStorage

/// What `berth config check` says of an object store.
@Suite struct `The examination of an object store` {
  private static func problems(
    _ location: String, accessKey: String = ObjectStoreServer.accessKey, secret: String = ObjectStoreServer.secretKey,
    time: any TimeSource = SystemTime()
  ) async throws -> [String] {
    var settings = S3Settings(location: try S3Location(parsing: location))
    settings.retryTimeout = .milliseconds(300)
    let client = try S3Client(
      settings, credentials: S3Credentials(accessKey: accessKey, secretKey: secret), time: time)
    let problems = await client.examine()
    try await client.shutdown()
    return problems
  }

  @Test func `finds nothing wrong with one that is well, and leaves nothing in it`() async throws {
    let bucket = try await ObjectStoreServer.shared().freshBucket()
    #expect(try await Self.problems(bucket.location) == [])
    #expect(try await bucket.backdoor.keys() == [])
    #expect(try await bucket.backdoor.unfinishedUploads() == [])
  }

  @Test func `says in words what is wrong with keys, bucket and address`() async throws {
    let bucket = try await ObjectStoreServer.shared().freshBucket()
    let unknown = try await Self.problems(bucket.location, accessKey: "nobody")
    #expect(unknown.count == 1 && unknown[0].contains("the access key is not known there"), "\(unknown)")
    let wrong = try await Self.problems(bucket.location, secret: "wrong")
    #expect(wrong.count == 1 && wrong[0].contains("the secret key is wrong"), "\(wrong)")
    let nowhere = try await Self.problems(bucket.location.replacing(bucket.name, with: "no-such-bucket"))
    #expect(nowhere.count == 1 && nowhere[0].contains("make the bucket, or name another one"), "\(nowhere)")
    let nobody = try await Self.problems(bucket.location(throughPort: try FreePort.next()))
    #expect(nobody.count == 1 && nobody[0].contains("the object store cannot be reached"), "\(nobody)")
  }

  @Test func `names the region that the bucket is in`() async throws {
    let server = try ScriptedHTTPServer { _ in
      (
        400,
        """
        <Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1'
        is wrong; expecting 'eu-central-1'</Message><Region>eu-central-1</Region></Error>
        """
      )
    }
    defer { server.stop() }
    let found = try await Self.problems("s3://bucket?endpoint=\(server.url)")
    #expect(found.count == 1 && found[0].contains("its region is eu-central-1"), "\(found)")
    #expect(found.first?.contains("set region= in storage.blobs") == true, "\(found)")
  }

  @Test(arguments: [("ListBucketMultipartUploads", "uploads="), ("AbortMultipartUpload", "DELETE")])
  func `tries what uploads in parts need besides`(right: String, what: String) async throws {
    let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    let server = try ScriptedHTTPServer { request in
      let isOfParts = request.target.contains("upload")
      switch request.method {
      case "GET" where isOfParts: return right == "ListBucketMultipartUploads" ? (403, denied) : (200, "<R></R>")
      case "DELETE" where isOfParts: return right == "AbortMultipartUpload" ? (403, denied) : (204, "")
      default: return (200, "<R><UploadId>one</UploadId></R>")
      }
    }
    defer { server.stop() }
    let found = try await Self.problems("s3://bucket?endpoint=\(server.url)")
    let named = right == "ListBucketMultipartUploads" ? "listing uploads in parts" : "giving up an upload in parts"
    #expect(
      found.contains { $0.hasPrefix(named) && $0.contains("allow s3:PutObject") && $0.contains(right) }, "\(found)")
  }

  private struct WrongTime: TimeSource {
    let ahead: Duration
    var now: Timestamp { SystemTime().now + ahead }
    var monotonicNanoseconds: Int64 { SystemTime().monotonicNanoseconds }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
  }

  @Test(arguments: [-20, -5, 5, 20])
  func `tells by how much the clocks differ`(minutesAhead: Int) async throws {
    let bucket = try await ObjectStoreServer.shared().freshBucket()
    let found = try await Self.problems(bucket.location, time: WrongTime(ahead: .seconds(minutesAhead * 60)))
    #expect(found.count == 1, "\(found)")
    let words = minutesAhead > 0 ? "behind this machine's" : "ahead of this machine's"
    #expect(found.first?.contains(words) == true && found.first?.contains("minutes") == true, "\(found)")
  }

  @Test func `reads the date of an answer`() {
    #expect(Timestamp(httpDate: "Thu, 26 Nov 2026 16:40:49 GMT") == Timestamp(parsing: "2026-11-26T16:40:49Z"))
    #expect(Timestamp(httpDate: "Sun, 01 Feb 2026 00:00:00 GMT") == Timestamp(parsing: "2026-02-01T00:00:00Z"))
    for text in [
      "", "Thursday, 26-Nov-26 16:40:49 GMT", "Thu, 26 Foo 2026 16:40:49 GMT", "Thu, 26 Nov 2026 16:40:49 CET",
    ] {
      #expect(Timestamp(httpDate: text) == nil)
    }
  }
}
