import HTTPService
import RegistryCore
import TestSupport
import Testing

/// What one client can do to all others. Each runs in a process of its own, whose memory and descriptors can be measured and
/// whose end would be seen.
@Suite("one client against all others", .timeLimit(.minutes(10)))
struct AbuseTests {
  @Test("a Content-Length as large as a number can be is refused, and nothing else happens")
  func largestLength() async {
    await #expect(processExitsWith: .success) {
      try await serving { server in
        let upload = try await server.startUpload()
        let client = server.client
        #expect(try await client("PATCH", upload, body: .text("a")).status == 202)
        let length = "9223372036854775807"
        for lines in ["", "Content-Range: 1-\(length)\r\n", "Content-Range: 0-9223372036854775806\r\n"] {
          let head = request("PATCH", upload, "\(lines)Content-Length: \(length)\r\n")
          let connection = try await server.connect()
          let answer = try await connection.exchange(head, method: "PATCH")
          #expect([400, 413, 416].contains(answer.status), "\(answer)")
        }
        #expect(try await client("GET", upload).first("Range") == "0-0")
      }
    }
  }

  @Test("requests that come along by the hundred are answered in their order; who sends too many gets the first")
  func longPipeline() async {
    await #expect(processExitsWith: .success) {
      try await serving { server in
        for (count, least) in [(400, 401), (9000, 1)] {
          let connection = try await server.connect()
          // A large body first, after which the server reads as much at once as it ever does.
          let upload = try await server.startUpload()
          _ = try await connection.exchange(
            RawRequest("PATCH", upload, body: .bytes(uniqueBytes(4 << 20))).bytes(host: "a"), method: "PATCH")
          // The first takes a worker, so the others wait together.
          let small = "GET /v2/ HTTP/1.1\r\nHost:b\r\n\r\n"
          try await connection.send(request("GET", "/v2/_catalog") + String(repeating: small, count: count))
          var answered = 0
          do {
            while answered <= count {
              #expect(try await connection.receive().status == 200)
              answered += 1
            }
          } catch RawHTTPError.closedEarly(received: 0) {}
          #expect(answered >= least)
        }
        #expect(try await server.isWell())
      }
    }
  }

  @Test("answers that nobody reads do not fill the memory")
  func unreadAnswers() async {
    await #expect(processExitsWith: .success) {
      try await serving { server in
        let blob = try await server.push(uniqueBytes(60 * 1024))
        let client = server.client
        for _ in 0..<2 { #expect(try await client("GET", blob).status == 200) }
        let before = ThisProcess.residentBytes
        let connection = try await RawHTTPConnection.open(host: server.host, port: server.port, patience: .seconds(1))
        // With a server that holds back, this ends at full buffers of the kernel.
        do throws(any Error) {
          for _ in 0..<20 { try await connection.send(String(repeating: request("GET", blob), count: 500)) }
        } catch RawHTTPError.timedOut {}
        // Each of these needs a turn of an event loop, so the flood had many.
        for _ in 0..<200 {
          let other = try await server.connect()
          #expect(try await other.exchange(request("GET", "/v2/")).status == 200)
          try await other.close()
        }
        // A socket that writes also reads, so what came this way is in this process too: ten thousand answers are 600 MB.
        #expect(ThisProcess.residentBytes - before < 300 << 20)
        try await connection.abort()
      }
    }
  }

  @Test("clients that go away in the middle leave no descriptor and no upload behind that cannot go on")
  func disconnects() async {
    await #expect(processExitsWith: .success) {
      try await serving { server in
        let blob = try await server.push(uniqueBytes(8 << 20))
        let before = ThisProcess.descriptorCount
        for round in 0..<40 {
          let reader = try await server.connect(sending: request("GET", blob))
          #expect(try await reader.receiveStatus() == 200)
          let upload = try await server.startUpload()
          let head = request("PATCH", upload, "Content-Length: 1000000\r\n")
          let writer = try await server.connect()
          try await writer.send(Array(head.utf8) + uniqueBytes(100_000))
          if round % 2 == 0 {
            try await reader.abort()
            try await writer.abort()
          } else {
            try await reader.close()
            try await writer.close()
          }
          let client = server.client
          try await eventually("the upload is free again") {
            try await client("DELETE", upload).status == 204
          }
          try await client.close()
        }
        try await eventually("every descriptor is closed") { ThisProcess.descriptorCount <= before + 8 }
        #expect(try await server.isWell())
        #expect(server.registry.openUploadCount == 0)
      }
    }
  }

  @Test("two hundred downloads and two hundred uploads at once need little memory")
  func manyAtOnce() async {
    await #expect(processExitsWith: .success) {
      ThisProcess.allowManyDescriptors()
      try await serving { server in
        let count = 200
        let blob = try await server.push(uniqueBytes(32 << 20))
        let part = uniqueBytes(1 << 20)
        let beforeBytes = ThisProcess.residentBytes
        let beforeDescriptors = ThisProcess.descriptorCount
        var open: [RawHTTPConnection] = []
        for _ in 0..<count {
          let reader = try await server.connect(sending: request("GET", blob))
          #expect(try await reader.receiveStatus() == 200)
          let upload = try await server.startUpload()
          let writer = try await server.connect()
          try await writer.send(Array(request("PATCH", upload, "Content-Length: \(32 << 20)\r\n").utf8) + part)
          open += [reader, writer]
        }
        try await eventually("all are open") { server.figure("registry_http_in_flight_requests") >= Double(count) }
        #expect(ThisProcess.residentBytes - beforeBytes < 300 << 20)
        #expect(try await server.isWell())
        for connection in open { try await connection.abort() }
        try await eventually("every descriptor is closed") { ThisProcess.descriptorCount <= beforeDescriptors + 16 }
      }
    }
  }

  @Test("two hundred uploads and downloads run at once, and every byte arrives")
  func manyComplete() async {
    await #expect(processExitsWith: .success) {
      ThisProcess.allowManyDescriptors()
      try await serving { server in
        let bytes = uniqueBytes(300_000)
        let blob = try await server.push(bytes)
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<200 {
            group.addTask {
              let client = server.client
              let answer = try await client("GET", blob)
              #expect(answer.status == 200 && same(answer.body, bytes))
              try await client.close()
            }
            group.addTask {
              var own = bytes
              own.replaceSubrange(0..<4, with: withUnsafeBytes(of: Int32(number)) { Array($0) })
              let path = try await server.push(own, to: "acme/r\(number % 7)")
              let client = server.client
              #expect(try await client("HEAD", path).first("Content-Length") == "300000")
              try await client.close()
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test("uploads that never got a byte do not use up the limit of uploads for others for ever")
  func emptyUploads() async throws {
    var settings = Registry.Settings()
    settings.uploadLimit = 4
    settings.uploadsExpireAfter = .seconds(3600)
    let time = MovableTime()
    try await serving(registry: settings, time: time) { server in
      let client = server.client
      for _ in 0..<4 {
        let upload = try await server.startUpload()
        let refused = try await client("PATCH", upload, ["Content-Range": "5-9"], body: .text("abcde"))
        #expect(refused.status == 416)
      }
      time.advance(by: .seconds(4000))
      for upload in try await server.registry.expiredUploads() {
        #expect(try await server.registry.discardExpiredUpload(upload))
      }
      let upload = try await server.startUpload()
      #expect(try await client("PATCH", upload, body: .text("abcde")).status == 202)
    }
  }
}
