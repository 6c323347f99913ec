import TestSupport
import Testing

extension Conformance {
  @Suite("end-4 and end-6: pushing a blob in one piece")
  struct Upload {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("end-4a: POST answers 202 with the location of a session")
    func start() async throws {
      let answer = try await client("POST", repository.uploads)
      #expect(answer.status == 202)
      #expect(try answer.locationTarget().hasPrefix("/v2/\(repository.name)/blobs/uploads/"))
      #expect(answer.first("Range") == "0-0")
    }

    @Test("end-4a: OCI-Chunk-Min-Length, if given, is a modest number of bytes")
    func chunkMinimum() async throws {
      let answer = try await client("POST", repository.uploads)
      if let text = answer.first("OCI-Chunk-Min-Length") {
        let minimum = try #require(Int(text))
        #expect((1...16 * 1024 * 1024).contains(minimum))
      }
    }

    @Test("end-4a: two sessions are never the same")
    func distinctSessions() async throws {
      let first = try await repository.startUpload()
      let second = try await repository.startUpload()
      #expect(first != second)
    }

    @Test("end-6: PUT of the whole blob answers 201 with a pullable location", arguments: Algorithm.allCases)
    func put(_ algorithm: Algorithm) async throws {
      let blob = Content.unique(algorithm)
      let session = try await repository.startUpload()
      let answer = try await client(
        "PUT", session.adding("digest", blob.digest), ["Content-Type": "application/octet-stream"],
        body: .bytes(blob.bytes))
      #expect(answer.status == 201)
      #expect(answer.first("Docker-Content-Digest") == blob.digest)
      #expect(try await client("GET", try answer.locationTarget()).body == blob.bytes)
    }

    @Test("end-6: a body in the chunked coding is as good as one with a length")
    func putChunkedCoding() async throws {
      let blob = Content.unique(size: 100_000)
      let session = try await repository.startUpload()
      let pieces = stride(from: 0, to: blob.bytes.count, by: 7_001).map {
        Array(blob.bytes[$0..<min($0 + 7_001, blob.bytes.count)])
      }
      let answer = try await client("PUT", session.adding("digest", blob.digest), body: .chunks(pieces))
      #expect(answer.status == 201)
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }

    @Test("end-4b: a single POST with the digest answers 201 with a pullable location", arguments: Algorithm.allCases)
    func singlePost(_ algorithm: Algorithm) async throws {
      let blob = Content.unique(algorithm)
      let answer = try await client("POST", repository.uploads.adding("digest", blob.digest), body: .bytes(blob.bytes))
      try #require(answer.status == 201, "\(answer)")
      #expect(answer.first("Docker-Content-Digest") == blob.digest)
      #expect(try await client("GET", try answer.locationTarget()).body == blob.bytes)
    }

    @Test("end-4b and end-6: two digests that differ answer 400, because nobody knows which is meant")
    func twoDigests() async throws {
      let (blob, other) = (Content.unique(), Content.unique())
      let target = repository.uploads.adding("digest", blob.digest).adding("digest", other.digest)
      expectError(try await client("POST", target, body: .bytes(blob.bytes)), [400], ["DIGEST_INVALID"])
      let session = try await repository.startUpload().adding("digest", blob.digest)
      let answer = try await client("PUT", session.adding("digest", other.digest), body: .bytes(blob.bytes))
      expectError(answer, [400], ["DIGEST_INVALID"])
      #expect(try await client("PUT", session.adding("digest", blob.digest), body: .bytes(blob.bytes)).status == 201)
    }

    @Test("end-4b: a single POST of an empty blob answers 201")
    func singlePostEmpty() async throws {
      let blob = Content(text: "")
      let answer = try await client("POST", repository.uploads.adding("digest", blob.digest), body: .bytes([]))
      try #require(answer.status == 201, "\(answer)")
      #expect(try await client("HEAD", repository.blob(blob.digest)).status == 200)
    }

    @Test("end-4b: a single POST whose bytes do not match answers 400 DIGEST_INVALID and stores nothing")
    func singlePostMismatch() async throws {
      let blob = Content.unique()
      let answer = try await client(
        "POST", repository.uploads.adding("digest", blob.digest), body: .bytes(blob.bytes + Array("oh no".utf8)))
      expectError(answer, [400], ["DIGEST_INVALID"])
      #expect(try await client("HEAD", repository.blob(blob.digest)).status == 404)
    }

    @Test(
      "end-6: bytes that do not match the digest answer 400 DIGEST_INVALID and are stored under neither",
      arguments: Algorithm.allCases)
    func mismatch(_ algorithm: Algorithm) async throws {
      let claimed = Content.unique(algorithm)
      let sent = Content(claimed.bytes + [1], algorithm)
      let session = try await repository.startUpload()
      let answer = try await client("PUT", session.adding("digest", claimed.digest), body: .bytes(sent.bytes))
      expectError(answer, [400], ["DIGEST_INVALID"])
      #expect(try await client("HEAD", repository.blob(claimed.digest)).status == 404)
      #expect(try await client("HEAD", repository.blob(sent.digest)).status == 404)
    }

    @Test(
      "end-6: a PUT without a digest, or with one that nobody can check, answers 400",
      arguments: [
        nil, "", "sha256", "sha256:abc", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
      ] as [String?])
    func unusableDigest(_ digest: String?) async throws {
      let session = try await repository.startUpload()
      let target = digest.map { session.adding("digest", $0) } ?? session
      expectError(try await client("PUT", target, body: .bytes([])), [400], ["DIGEST_INVALID", "UNSUPPORTED"])
    }

    @Test("end-6: the session ends with the PUT")
    func sessionEnds() async throws {
      let blob = Content.unique()
      let session = try await repository.startUpload()
      #expect(try await client("PUT", session.adding("digest", blob.digest), body: .bytes(blob.bytes)).status == 201)
      expectError(try await client("GET", session), [404], ["BLOB_UPLOAD_UNKNOWN"])
    }

    @Test("end-6: a PUT that ended a session and is sent again without a body is answered as before")
    func endedTwice() async throws {
      let blob = Content.unique()
      let session = try await repository.startUpload()
      let patched = try await client("PATCH", session, body: .bytes(blob.bytes)).locationTarget()
      let target = patched.adding("digest", blob.digest)
      let once = try await client("PUT", target)
      let again = try await client("PUT", target)
      #expect(once.status == 201 && again.status == 201)
      #expect(try again.locationTarget() == once.locationTarget())
      // What never came is not there by being said once more.
      expectError(
        try await client("PUT", patched.adding("digest", Content.unique().digest)), [404], ["BLOB_UPLOAD_UNKNOWN"])
    }

    @Test("end-5, end-6, end-13, end-14: an unknown session answers 404", arguments: ["PATCH", "PUT", "GET", "DELETE"])
    func unknownSession(_ method: String) async throws {
      let blob = Content.unique()
      let session = "/v2/\(repository.name)/blobs/uploads/7a0c4f5e-0000-4000-8000-000000000000"
      let target = method == "PUT" ? session.adding("digest", blob.digest) : session
      let body: RawBody = method == "PATCH" || method == "PUT" ? .bytes(blob.bytes) : .none
      expectError(try await client(method, target, body: body), [404], ["BLOB_UPLOAD_UNKNOWN"])
    }

    @Test("end-6: a session belongs to the repository in which it was opened")
    func sessionOfOtherRepository() async throws {
      let blob = Content.unique()
      let session = try await repository.startUpload()
      let other = Repository()
      try await other.push(.unique())
      let target = session.replacing("/v2/\(repository.name)/", with: "/v2/\(other.name)/")
      let answer = try await client("PUT", target.adding("digest", blob.digest), body: .bytes(blob.bytes))
      expectError(answer, [404], ["BLOB_UPLOAD_UNKNOWN"])
      #expect(try await client("HEAD", other.blob(blob.digest)).status == 404)
    }

    @Test("end-4c: the digest-algorithm hint is welcome, and so is a digest of another algorithm in the end")
    func algorithmHint() async throws {
      let answer = try await client("POST", repository.uploads + "?digest-algorithm=sha512")
      try #require(answer.status == 202)
      let blob = Content.unique(.sha512)
      let session = try answer.locationTarget()
      #expect(try await client("PATCH", session, body: .bytes(blob.bytes)).status == 202)
      #expect(try await client("PUT", session.adding("digest", blob.digest)).status == 201)
    }

    @Test("end-6: pushing the same blob again answers 201 and keeps it")
    func again() async throws {
      let blob = try await repository.push(.unique())
      try await repository.push(blob)
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }

    @Test("end-6: clients that push the same blob at the same time all get 201")
    func together() async throws {
      let blob = Content.unique(size: 200_000)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 { group.addTask { try await repository.push(blob) } }
        try await group.waitForAll()
      }
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }
  }
}
