import Testing

@testable import TestSupport

/// The proxies between the parts pass everything on, until they are told not to.
@Suite struct ChaosTests {
  private func status(_ port: UInt16, _ request: RawRequest = RawRequest("GET", "/status")) async throws -> Int {
    try await BucketBackdoor.exchange(request, port: port).status
  }

  @Test("a calm proxy passes everything on, and breaks what it is told to break")
  func calm() async throws {
    let server = try await ObjectStoreServer.shared()
    let proxy = try ChaosProxy(to: server.port)
    #expect(try await status(proxy.port) == 200)
    proxy.refuseConnections(true)
    await #expect(throws: RawHTTPError.self) { try await status(proxy.port) }
    proxy.refuseConnections(false)

    let open = try await RawHTTPConnection.open(host: "127.0.0.1", port: Int(proxy.port), patience: .milliseconds(400))
    let ask = "GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
    #expect(try await open.exchange(ask).status == 200)
    proxy.silence(true)
    await #expect(throws: RawHTTPError.self) { try await open.exchange(ask) }
    proxy.silence(false)
    #expect(try await open.receive().status == 200)
    proxy.cutAll()
    await #expect(throws: RawHTTPError.self) { try await open.exchange(ask) }
    proxy.stop()
  }

  @Test("a seed says what happens to every connection")
  func seed() {
    func fates(_ seed: UInt64) -> [String] {
      (0..<200).map { "\(ChaosPlan.rough.fate(seed: seed, connection: $0))" }
    }
    #expect(fates(1) == fates(1))
    #expect(fates(1) != fates(2))
    let broken = (0..<1000).count { ChaosPlan.rough.fate(seed: 3, connection: $0).breaks != nil }
    #expect((100..<300).contains(broken))
  }

  @Test("what passes a rough proxy is what was sent")
  func rough() async throws {
    let server = try await ObjectStoreServer.shared()
    var plan = ChaosPlan.rough
    plan.breaksWithin = 400
    let proxy = try ChaosProxy(to: server.port, seed: 7, plan: plan)
    var outcomes: [Bool] = []
    for _ in 0..<40 {
      let answer = try? await BucketBackdoor.exchange(RawRequest("GET", "/status"), port: proxy.port)
      outcomes.append(answer?.status == 200)
    }
    #expect(outcomes.contains(true))
    #expect(outcomes.contains(false))
    proxy.stop()
  }

  @Test("a recorder counts operations and bytes, and lets faults happen to those that are named")
  func recorder() async throws {
    let server = try await ObjectStoreServer.shared()
    let bucket = try await server.freshBucket()
    let recorder = try S3Recorder(to: server)
    let put = RawRequest("PUT", "/\(bucket.name)/a/b", body: .bytes([UInt8](repeating: 1, count: 1000)))
    // Nothing is signed here, so S3 refuses; that too must arrive.
    #expect(try await status(recorder.port, put) == 403)
    #expect(try await status(recorder.port, RawRequest("POST", "/\(bucket.name)/a?uploads")) == 403)
    recorder.follow([S3FaultRule(.status(503), on: [.putObject], times: 1)])
    #expect(try await status(recorder.port, RawRequest("GET", "/\(bucket.name)/a/b")) == 403)
    #expect(try await status(recorder.port, put) == 503)
    #expect(try await status(recorder.port, put) == 403)
    recorder.follow([S3FaultRule(.loseAnswer)])
    await #expect(throws: RawHTTPError.self) { try await status(recorder.port, put) }
    let counts = recorder.counts
    #expect(counts == [.putObject: 4, .createMultipartUpload: 1, .getObject: 1])
    // What was refused here never reached the server.
    #expect(recorder.exchanges.filter { $0.operation == .putObject }.map(\.bytesUp) == [1000, 0, 1000, 1000])
    recorder.stop()
  }

  @Test(
    "operations have the names of the documentation",
    arguments: [
      ("PUT", "/b/k?partNumber=1&uploadId=x", S3Operation.uploadPart),
      ("POST", "/b/k?uploadId=x", .completeMultipartUpload),
      ("DELETE", "/b/k?uploadId=x", .abortMultipartUpload), ("GET", "/b?list-type=2&prefix=p", .listObjects),
      ("GET", "/b/?uploads", .listMultipartUploads), ("POST", "/b/?delete", .deleteObjects),
      ("HEAD", "/b/k", .headObject),
    ])
  func operations(_ method: String, _ target: String, _ operation: S3Operation) {
    #expect(S3Operation(method: method, target: target, copies: false) == operation)
  }
}
