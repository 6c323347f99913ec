import TestSupport
import Testing

extension Conformance {
  @Suite("HTTP/1.1: messages and connections (RFC 9112)")
  struct HTTPMessages {
    let repository = Repository()
    let client = RegistryUnderTest.client

    @Test("pipelined requests are answered in their order")
    func pipelining() async throws {
      let blobs = [try await repository.push(.unique()), try await repository.push(.unique(size: 100_000))]
      let connection = try await client.connect()
      var bytes: [UInt8] = []
      for blob in blobs + blobs {
        bytes += RawRequest("GET", repository.blob(blob.digest)).bytes(host: client.authority)
      }
      try await connection.send(bytes)
      for blob in blobs + blobs {
        let answer = try await connection.receive()
        #expect(answer.status == 200)
        #expect(answer.body == blob.bytes)
      }
    }

    @Test("pipelined pushes and pulls are carried out one after the other")
    func pipelinedPush() async throws {
      let blob = Content.unique()
      let requests = [
        RawRequest("HEAD", repository.blob(blob.digest)),
        RawRequest("POST", repository.uploads.adding("digest", blob.digest), body: .bytes(blob.bytes)),
        RawRequest("HEAD", repository.blob(blob.digest)),
        RawRequest("DELETE", repository.blob(blob.digest)),
        RawRequest("GET", repository.blob(blob.digest)),
      ]
      let connection = try await client.connect()
      try await connection.send(requests.flatMap { $0.bytes(host: client.authority) })
      var statuses: [Int] = []
      for request in requests { statuses.append(try await connection.receive(to: request.method).status) }
      #expect(statuses == [404, 201, 200, 202, 404])
    }

    @Test("a pipelined sequence of every kind of answer keeps the connection in step")
    func keepAliveAfterErrors() async throws {
      let blob = try await repository.push(.unique())
      let tag = "\"\(blob.digest)\""
      let manifest = [RawField("Content-Type", MediaType.image)]
      let requests: [(RawRequest, Set<Int>)] = [
        (RawRequest("GET", repository.blob(Content.unique().digest)), [404]),
        (RawRequest("HEAD", repository.blob(Content.unique().digest)), [404]),
        (RawRequest("PUT", repository.manifest("v1"), manifest, body: .text("blablabla")), [400]),
        (RawRequest("GET", repository.blob(blob.digest), [RawField("Range", "bytes=9999-")]), [416]),
        (RawRequest("GET", repository.blob(blob.digest), [RawField("If-None-Match", tag)]), [304]),
        (RawRequest("POST", "/v2/", body: .text("x")), [404, 405]),
        (RawRequest("GET", "/v2/UPPER/tags/list"), [400, 404]),
        (RawRequest("POST", repository.uploads), [202]),
      ]
      let connection = try await client.connect()
      for (request, statuses) in requests {
        let answer = try await connection.exchange(request.bytes(host: client.authority), method: request.method)
        #expect(statuses.contains(answer.status), "\(request.method) \(request.target): \(answer)")
        try #require(answer.keepsConnection, "\(request.method) \(request.target): \(answer)")
      }
      let answer = try await connection.exchange(
        RawRequest("GET", repository.blob(blob.digest)).bytes(host: client.authority))
      #expect(answer.body == blob.bytes)
    }

    @Test("an HTTP/1.1 request without Host, or with two, answers 400", arguments: ["", "Host: a\r\nHost: b\r\n"])
    func host(_ fields: String) async throws {
      let connection = try await client.connect()
      #expect(try await connection.exchange("GET /v2/ HTTP/1.1\r\n\(fields)\r\n").status == 400)
    }

    @Test("an HTTP/1.0 request is answered and the connection closed")
    func http10() async throws {
      let connection = try await client.connect()
      let answer = try await connection.exchange("GET /v2/ HTTP/1.0\r\n\r\n")
      #expect(answer.status == 200)
      #expect(try await connection.receiveUntilClosed().isEmpty)
    }

    @Test("Connection: close is honoured")
    func connectionClose() async throws {
      let connection = try await client.connect()
      let answer = try await connection.exchange("GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(answer.status == 200)
      #expect(answer.first("Connection")?.lowercased() == "close")
      #expect(try await connection.receiveUntilClosed().isEmpty)
    }

    @Test("a target in absolute form is understood (RFC 9112, section 3.2.2)")
    func absoluteForm() async throws {
      let connection = try await client.connect()
      let answer = try await connection.exchange(
        "GET http://registry.example/v2/ HTTP/1.1\r\nHost: registry.example\r\n\r\n")
      #expect(answer.status == 200)
    }

    @Test("Expect: 100-continue gets 100 before the body and then the answer")
    func expectContinue() async throws {
      let blob = Content.unique()
      let session = try await repository.startUpload()
      var request = RawRequest("PUT", session.adding("digest", blob.digest))
      request.fields = [RawField("Expect", "100-continue"), RawField("Content-Length", "\(blob.bytes.count)")]
      let connection = try await client.connect()
      try await connection.send(request.bytes(host: client.authority))
      #expect(try await connection.receiveStatus() == 100)
      #expect(try await connection.exchange(blob.bytes, method: "PUT").status == 201)
    }

    @Test("Expect: 100-continue for an upload that cannot be gets its refusal without the body")
    func expectRefused() async throws {
      let target = "/v2/\(repository.name)/blobs/uploads/7a0c4f5e-0000-4000-8000-000000000000"
      var request = RawRequest("PATCH", target)
      request.fields = [RawField("Expect", "100-continue"), RawField("Content-Length", "1000000")]
      let connection = try await client.connect()
      try await connection.send(request.bytes(host: client.authority))
      var status = try await connection.receiveStatus()
      // A server may still ask for the body first; then the refusal follows it.
      if status == 100 {
        try await connection.send([UInt8](repeating: 0, count: 1_000_000))
        status = try await connection.receiveStatus()
      }
      #expect(status == 404)
    }

    @Test("a refused upload is answered although the client is still sending")
    func refusedWhileSending() async throws {
      let target = "/v2/\(repository.name)/blobs/uploads/7a0c4f5e-0000-4000-8000-000000000000"
      let body = [UInt8](repeating: 7, count: 16 * 1024 * 1024)
      expectError(try await client("PATCH", target, body: .bytes(body)), [404], ["BLOB_UPLOAD_UNKNOWN"])
      let pieces = stride(from: 0, to: body.count, by: 65_536).map { Array(body[$0..<$0 + 65_536]) }
      expectError(try await client("PATCH", target, body: .chunks(pieces)), [404], ["BLOB_UPLOAD_UNKNOWN"])
    }

    @Test("a client that has finished sending still gets its answer")
    func halfClose() async throws {
      let blob = try await repository.push(.unique(size: 1_000_000))
      let connection = try await client.connect()
      try await connection.send(RawRequest("GET", repository.blob(blob.digest)).bytes(host: client.authority))
      try await connection.finishSending()
      #expect(try await connection.receive().body == blob.bytes)
    }

    @Test("a request that arrives byte by byte is as good as one at once")
    func byteByByte() async throws {
      let connection = try await client.connect()
      for byte in RawRequest("GET", "/v2/").bytes(host: client.authority) { try await connection.send([byte]) }
      #expect(try await connection.receive().status == 200)
    }

    @Test("an empty line before a request is skipped (RFC 9112, section 2.2)")
    func leadingEmptyLine() async throws {
      let connection = try await client.connect()
      #expect(try await connection.exchange("\r\nGET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
    }

    @Test("an answer carries a Date, and every answer with a body its length")
    func fields() async throws {
      let answer = try await client("GET", repository.tagsList)
      #expect(answer.status == 404)
      #expect(answer.first("Date") != nil)
      #expect(answer.first("Content-Length") == "\(answer.body.count)")
    }

    @Test("a client that breaks off does not disturb the others")
    func reset() async throws {
      let blob = try await repository.push(.unique(size: 3_000_000))
      for _ in 0..<5 {
        let connection = try await client.connect()
        try await connection.send(RawRequest("GET", repository.blob(blob.digest)).bytes(host: client.authority))
        #expect(try await connection.receiveStatus() == 200)
        try await connection.abort()
      }
      #expect(try await client("GET", repository.blob(blob.digest)).body == blob.bytes)
    }
  }
}
