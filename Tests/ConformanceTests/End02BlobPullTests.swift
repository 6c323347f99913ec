import TestSupport
import Testing

extension Conformance {
  @Suite("end-2: pulling blobs")
  struct BlobPull {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("end-2: GET of a blob provides its bytes, length and digest", arguments: Algorithm.allCases)
    func get(_ algorithm: Algorithm) async throws {
      let blob = try await repository.push(.unique(size: 70_000, algorithm))
      let answer = try await client("GET", repository.blob(blob.digest))
      #expect(answer.status == 200)
      #expect(answer.body == blob.bytes)
      #expect(answer.first("Content-Length") == "70000")
      #expect(answer.first("Docker-Content-Digest") == blob.digest)
      #expect(answer.first("Content-Encoding") == nil)
    }

    @Test("end-2: HEAD of a blob tells length and digest and has no body", arguments: Algorithm.allCases)
    func head(_ algorithm: Algorithm) async throws {
      let blob = try await repository.push(.unique(algorithm))
      let answer = try await client("HEAD", repository.blob(blob.digest))
      #expect(answer.status == 200)
      #expect(answer.first("Content-Length") == "\(blob.bytes.count)")
      #expect(answer.first("Docker-Content-Digest") == blob.digest)
    }

    @Test(
      "end-2: an empty blob and an empty JSON object are blobs like others", arguments: Algorithm.allCases, ["", "{}"])
    func wellKnown(_ algorithm: Algorithm, _ text: String) async throws {
      let blob = try await repository.push(Content(text: text, algorithm))
      let get = try await client("GET", repository.blob(blob.digest))
      #expect(get.status == 200)
      #expect(get.text == text)
      #expect(get.first("Content-Length") == "\(text.utf8.count)")
      let head = try await client("HEAD", repository.blob(blob.digest))
      #expect(head.first("Content-Length") == "\(text.utf8.count)")
    }

    @Test("end-2: a blob of several megabytes arrives whole")
    func large() async throws {
      let blob = try await repository.push(.unique(size: 5 * 1024 * 1024 + 3))
      let answer = try await client("GET", repository.blob(blob.digest))
      #expect(answer.status == 200)
      #expect(answer.body == blob.bytes)
    }

    @Test("end-2: a client that accepts gzip still gets the bytes of the digest")
    func noCompression() async throws {
      let blob = try await repository.push(Content(text: String(repeating: "berth ", count: 2000)))
      let answer = try await client("GET", repository.blob(blob.digest), ["Accept-Encoding": "gzip, br, zstd"])
      #expect(answer.first("Content-Encoding") == nil)
      #expect(answer.body == blob.bytes)
    }

    @Test("end-2: a missing blob answers 404 BLOB_UNKNOWN to GET", arguments: Algorithm.allCases)
    func missing(_ algorithm: Algorithm) async throws {
      try await repository.push(.unique())
      let answer = try await client("GET", repository.blob(Content.unique(algorithm).digest))
      expectError(answer, [404], ["BLOB_UNKNOWN"])
    }

    @Test("end-2: a missing blob answers 404 without a body to HEAD")
    func missingHead() async throws {
      try await repository.push(.unique())
      #expect(try await client("HEAD", repository.blob(Content.unique().digest)).status == 404)
    }

    @Test("end-2: a blob in a repository that does not exist answers 404")
    func missingRepository() async throws {
      let answer = try await client("GET", Repository().blob(Content.unique().digest))
      expectError(answer, [404], ["BLOB_UNKNOWN", "NAME_UNKNOWN"])
    }

    @Test("end-2: a blob of one repository is not in another")
    func otherRepository() async throws {
      let blob = try await repository.push(.unique())
      let other = Repository()
      try await other.push(.unique())
      expectError(try await client("GET", other.blob(blob.digest)), [404], ["BLOB_UNKNOWN"])
    }

    @Test(
      "end-2: what is not a digest names no blob",
      arguments: [
        "sha256:baddigeststring", "sha256:", "sha256", ":", "latest", "md5:d41d8cd98f00b204e9800998ecf8427e",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8550",
        "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      ])
    func invalidDigest(_ text: String) async throws {
      try await repository.push(Content(text: ""))
      #expect([400, 404].contains(try await client("GET", repository.blob(text)).status))
      #expect([400, 404].contains(try await client("HEAD", repository.blob(text)).status))
    }

    @Test("end-2: a GET with a body is answered and the connection stays in step")
    func getWithBody() async throws {
      let blob = try await repository.push(.unique())
      let connection = try await client.connect()
      for _ in 0..<2 {
        let request = RawRequest("GET", repository.blob(blob.digest), body: .text("blablabla"))
        let answer = try await connection.exchange(request.bytes(host: client.authority))
        #expect(answer.body == blob.bytes)
      }
    }
  }
}
