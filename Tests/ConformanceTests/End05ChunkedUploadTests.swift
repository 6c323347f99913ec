import TestSupport
import Testing

extension Conformance {
  @Suite("end-5 and end-13: pushing a blob in chunks")
  struct ChunkedUpload {
    let repository = Repository()
    let client = RegistryUnderTest.client
    static let chunkSize = 1024

    private func patch(_ session: String, _ blob: Content, _ range: ClosedRange<Int>) async throws -> RawResponse {
      try await client(
        "PATCH", session,
        ["Content-Type": "application/octet-stream", "Content-Range": "\(range.lowerBound)-\(range.upperBound)"],
        body: .bytes(Array(blob.bytes[range])))
    }

    @Test(
      "end-5: chunks in order answer 202 with location and range, the closing PUT 201", arguments: Algorithm.allCases)
    func inOrder(_ algorithm: Algorithm) async throws {
      let blob = Content.unique(size: 3067, algorithm)
      var session = try await repository.startUpload()
      for range in [0...1023, 1024...2047, 2048...3066] {
        let answer = try await patch(session, blob, range)
        #expect(answer.status == 202)
        #expect(answer.first("Range") == "0-\(range.upperBound)")
        session = try answer.locationTarget()
      }
      let answer = try await client("PUT", session.adding("digest", blob.digest))
      #expect(answer.status == 201)
      #expect(answer.first("Docker-Content-Digest") == blob.digest)
      #expect(try await client("GET", try answer.locationTarget()).body == blob.bytes)
    }

    @Test("end-6: the last chunk may come with the closing PUT", arguments: Algorithm.allCases)
    func lastChunkInPut(_ algorithm: Algorithm) async throws {
      let blob = Content.unique(size: 2000, algorithm)
      let session = try await patch(try await repository.startUpload(), blob, 0...1023).locationTarget()
      let answer = try await client(
        "PUT", session.adding("digest", blob.digest), ["Content-Range": "1024-1999"],
        body: .bytes(Array(blob.bytes[1024...])))
      #expect(answer.status == 201)
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }

    @Test("end-5: a stream without Content-Range answers 202", arguments: Algorithm.allCases, [true, false])
    func stream(_ algorithm: Algorithm, _ usesChunkedCoding: Bool) async throws {
      let blob = Content.unique(size: 50_000, algorithm)
      let halves = [Array(blob.bytes[..<20_000]), Array(blob.bytes[20_000...])]
      let body: RawBody = usesChunkedCoding ? .chunks(halves) : .bytes(blob.bytes)
      let answer = try await client("PATCH", try await repository.startUpload(), body: body)
      #expect(answer.status == 202)
      #expect(answer.first("Range") == "0-49999")
      let closing = try await client("PUT", try answer.locationTarget().adding("digest", blob.digest))
      #expect(closing.status == 201)
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }

    @Test("end-5: a chunk that skips ahead answers 416 and the session goes on")
    func skipsAhead() async throws {
      let blob = Content.unique(size: 2048)
      var session = try await repository.startUpload()
      #expect(try await patch(session, blob, 1024...2047).status == 416)
      session = try await patch(session, blob, 0...1023).locationTarget()
      session = try await patch(session, blob, 1024...2047).locationTarget()
      #expect(try await client("PUT", session.adding("digest", blob.digest)).status == 201)
    }

    @Test("end-5: a chunk that was accepted before answers 416, and end-13 tells where to go on")
    func repeated() async throws {
      let blob = Content.unique(size: 42)
      let first = try await repository.startUpload()
      let answer = try await patch(first, blob, 0...21)
      #expect(answer.first("Range") == "0-21")
      #expect(try await patch(first, blob, 0...21).status == 416)
      let status = try await client("GET", first)
      #expect(status.status == 204)
      #expect(status.first("Range") == "0-21")
      let session = try await patch(try status.locationTarget(), blob, 22...41).locationTarget()
      #expect(try await client("PUT", session.adding("digest", blob.digest)).status == 201)
    }

    @Test("end-6: a closing PUT whose chunk is out of order answers 416 and the session goes on")
    func putOutOfOrder() async throws {
      let blob = Content.unique(size: 2048)
      let session = try await patch(try await repository.startUpload(), blob, 0...1023).locationTarget()
      let wrong = try await client(
        "PUT", session.adding("digest", blob.digest), ["Content-Range": "0-1023"],
        body: .bytes(Array(blob.bytes[0...1023])))
      #expect(wrong.status == 416)
      let status = try await client("GET", session.adding("digest", blob.digest))
      #expect(status.status == 204)
      #expect(status.first("Range") == "0-1023")
      let right = try await client(
        "PUT", try status.locationTarget().adding("digest", blob.digest), ["Content-Range": "1024-2047"],
        body: .bytes(Array(blob.bytes[1024...])))
      #expect(right.status == 201)
    }

    @Test(
      "end-5: bytes that do not match the digest in the end answer 400 DIGEST_INVALID", arguments: Algorithm.allCases)
    func mismatch(_ algorithm: Algorithm) async throws {
      let blob = Content.unique(algorithm)
      let answer = try await client("PATCH", try await repository.startUpload(), body: .bytes(blob.bytes + [0]))
      let closing = try await client("PUT", try answer.locationTarget().adding("digest", blob.digest))
      expectError(closing, [400], ["DIGEST_INVALID"])
      #expect(try await client("HEAD", repository.blob(blob.digest)).status == 404)
    }

    @Test(
      "end-5: a Content-Range that says nothing, or not what follows, is refused and adds nothing",
      arguments: ["abc", "9-0", "-5", "10-", "10-18", "10-20", "10-19/", "99999999999999999999-99999999999999999999"])
    func wrongContentRange(_ header: String) async throws {
      let blob = Content.unique(size: 20)
      let session = try await patch(try await repository.startUpload(), blob, 0...9).locationTarget()
      let answer = try await client(
        "PATCH", session, ["Content-Range": header], body: .bytes(Array(blob.bytes[10...19])))
      #expect([400, 416].contains(answer.status), "\(answer)")
      #expect(try await client("GET", session).first("Range") == "0-9")
      let rest = try await patch(session, blob, 10...19)
      #expect(rest.status == 202)
      #expect(try await client("PUT", try rest.locationTarget().adding("digest", blob.digest)).status == 201)
    }

    @Test("end-13: a new session has nothing")
    func newSession() async throws {
      let answer = try await client("GET", try await repository.startUpload())
      #expect(answer.status == 204)
      #expect(answer.first("Range") == "0-0")
      #expect(try answer.locationTarget().hasPrefix(repository.uploads))
    }

    @Test("end-5: streams are appended one after the other")
    func appendedStreams() async throws {
      let blob = Content.unique(size: 3000)
      var session = try await repository.startUpload()
      for part in [0..<1000, 1000..<1001, 1001..<3000] {
        let answer = try await client("PATCH", session, body: .bytes(Array(blob.bytes[part])))
        #expect(answer.status == 202)
        #expect(answer.first("Range") == "0-\(part.upperBound - 1)")
        session = try answer.locationTarget()
      }
      #expect(try await client("PUT", session.adding("digest", blob.digest)).status == 201)
    }

    @Test("end-13: a push that breaks off in the middle goes on from what the status tells")
    func resumes() async throws {
      let blob = Content.unique(size: 400_000)
      let session = try await repository.startUpload()
      let connection = try await client.connect()
      var request = RawRequest("PATCH", session, body: .bytes(Array(blob.bytes[..<300_000])))
      request.fields = [RawField("Content-Length", "400000")]
      try await connection.send(request.bytes(host: client.authority))
      try await connection.close()
      // What the server kept is its own decision; it may still be finding out that the client has gone. A request that it comes to
      // only after the next one would go on where that has ended, so it is waited for as long as a client would before it tries again.
      var target = session
      var closing: RawResponse?
      for _ in 0..<500 {
        let status = try await client("GET", target)
        guard status.first("Range")?.hasSuffix("-0") ?? false else { break }
        try await Task.sleep(for: .milliseconds(10))
      }
      for _ in 0..<200 where closing == nil {
        let status = try await client("GET", target)
        try #require(status.status == 204, "\(status)")
        target = try status.locationTarget()
        let last = try #require(status.first("Range")?.split(separator: "-").last.flatMap { Int($0) })
        let offset = last == 0 ? 0 : last + 1
        #expect(offset <= 300_000)
        let rest = try await patch(target, blob, offset...399_999)
        if rest.status == 202 {
          closing = try await client("PUT", try rest.locationTarget().adding("digest", blob.digest))
        } else {
          #expect([409, 416, 503].contains(rest.status), "\(rest)")
        }
      }
      #expect(closing?.status == 201)
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }
  }

  @Suite("end-14: cancelling an upload")
  struct Cancel {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test(
      "end-14: DELETE of a session answers 204, and the session is gone", arguments: ["GET", "PATCH", "PUT", "DELETE"])
    func cancel(_ method: String) async throws {
      let blob = Content.unique()
      let session = try await repository.startUpload()
      let patched = try await client("PATCH", session, body: .bytes(blob.bytes)).locationTarget()
      #expect(try await client("DELETE", patched).status == 204)
      let target = method == "PUT" ? patched.adding("digest", blob.digest) : patched
      expectError(try await client(method, target), [404], ["BLOB_UPLOAD_UNKNOWN"])
      #expect(try await client("HEAD", repository.blob(blob.digest)).status == 404)
    }
  }
}
