import Synchronization
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

  @Test("a seed says what happens to every request")
  func requestSeed() {
    func faults(_ seed: UInt64) -> [HTTPFault?] {
      (0..<400).map { ExchangePlan.rough.fault(seed: seed, connection: $0 / 20, exchange: $0 % 20) }
    }
    #expect(faults(1) == faults(1))
    #expect(faults(1) != faults(2))
    #expect((20..<120).contains(faults(3).count { $0 == .duplicate }))
    #expect(faults(3).contains(nil) && faults(3).contains(.loseAnswer))
  }

  @Test("a request that is sent twice arrives twice, and the client hears the first answer")
  func twice() async throws {
    let count = Mutex(0)
    let server = try ScriptedHTTPServer { _ in
      (
        200,
        count.withLock { count in
          count += 1
          return "answer \(count)"
        }
      )
    }
    var plan = ExchangePlan()
    plan.duplicate = 1
    let port = try #require(server.url.split(separator: ":").last.flatMap { UInt16($0) })
    let proxy = try HTTPChaosProxy(to: port, plan: plan)
    let range = [RawField("Content-Range", "0-2")]
    let expected: [(RawRequest, Int)] = [
      (RawRequest("PUT", "/a", body: .text("abc")), 2), (RawRequest("DELETE", "/a"), 2), (RawRequest("POST", "/a"), 2),
      (RawRequest("PATCH", "/a", range, body: .text("abc")), 2), (RawRequest("PATCH", "/a", body: .text("abc")), 1),
      (RawRequest("GET", "/a"), 1),
    ]
    for (request, times) in expected {
      let before = server.requests.count
      let answer = try await BucketBackdoor.exchange(request, port: proxy.port)
      #expect(answer.text == "answer \(before + 1)", "\(request.method)")
      let seen = server.requests[before...]
      #expect(seen.count == times, "\(request.method)")
      #expect(Set(seen.map { $0.head + $0.body }).count == 1)
    }
    proxy.stop()
    server.stop()
  }

  @Test("a request that is held is not seen by the server when its client goes, and goes on when it stays")
  func held() async throws {
    let server = try await ObjectStoreServer.shared()
    let bucket = try await server.freshBucket()
    let recorder = try S3Recorder(to: server)
    let put = "PUT /\(bucket.name)/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    for leaves in [true, false] {
      recorder.forget()
      recorder.follow([S3FaultRule(.hold, on: [.putObject])])
      let connection = try await RawHTTPConnection.open(host: "127.0.0.1", port: Int(recorder.port))
      try await connection.send(put)
      try await untilTrue(within: .seconds(30), "it is held") { recorder.held == 1 }
      if leaves { try await connection.close() }
      recorder.follow([])
      if !leaves { #expect(try await connection.receive().status == 403) }
      try await untilTrue(within: .seconds(30), "it has ended") { recorder.exchanges.count == 1 }
      #expect(recorder.exchanges.map(\.status) == [leaves ? 0 : 403])
      #expect(recorder.held == 0)
    }
    recorder.stop()
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
