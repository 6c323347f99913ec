import Foundation
import Testing

extension EndToEnd {
  @Suite struct ResumedUploadTests {
    /// How the server goes away between the halves.
    enum Interruption: String, CaseIterable, Sendable { case terminated, killed }

    @Test("an upload goes on after the server was restarted", arguments: Interruption.allCases)
    func resumes(after interruption: Interruption) async throws {
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        let curl = Curl(workspace: workspace)
        let bytes = randomBytes(8 << 20)
        let half = bytes.count / 2
        let first = try workspace.write(Array(bytes[..<half]), to: "first")
        let second = try workspace.write(Array(bytes[half...]), to: "second")

        let started = try await curl.request("POST", "\(base)/v2/acme/big/blobs/uploads/")
        var location = try #require(started.headers["location"])
        let sent = try await patch(first, from: 0, to: location, curl: curl, base: base)
        #expect(sent.status == 202, "\(sent.text)")
        #expect(sent.headers["range"] == "0-\(half - 1)")
        location = try #require(sent.headers["location"])

        try await restart(server, interruption)
        let status = try await curl.request("GET", Curl.resolve(location, base: base))
        #expect(status.status == 204, "\(status.text)")
        #expect(status.headers["range"] == "0-\(half - 1)")
        location = try #require(status.headers["location"])

        let rest = try await patch(second, from: half, to: location, curl: curl, base: base)
        #expect(rest.status == 202, "\(rest.text)")
        location = try #require(rest.headers["location"])
        try await finish(location, bytes, server: server, curl: curl, base: base)
      }
    }

    @Test("an upload that was cut in the middle goes on from the byte that the server names")
    func cutInFlight() async throws {
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        let curl = Curl(workspace: workspace)
        let bytes = randomBytes(6 << 20)
        let started = try await curl.request("POST", "\(base)/v2/acme/big/blobs/uploads/")
        var location = try #require(started.headers["location"])

        let target = location
        let address = server.address
        try await onOwnThread {
          let connection = try HTTPConnection(address)
          try connection.sendHead(
            "PATCH", target, headers: [("Content-Type", "application/octet-stream")], contentLength: bytes.count)
          try connection.send(Array(bytes[..<(4 << 20)]))
        }
        try await restart(server, .killed)

        let status = try await curl.request("GET", Curl.resolve(location, base: base))
        #expect(status.status == 204, "\(status.text)")
        location = status.headers["location"] ?? location
        // Without a first byte there is no range to name; servers say 0-0 or nothing.
        let last = status.headers["range"].flatMap { Int($0.split(separator: "-").last ?? "") } ?? 0
        let next = last == 0 ? 0 : last + 1
        #expect(next <= 4 << 20)
        let file = try workspace.write(Array(bytes[next...]), to: "rest")
        let rest = try await patch(file, from: next, to: location, curl: curl, base: base)
        #expect(rest.status == 202, "\(rest.text)")
        location = try #require(rest.headers["location"])
        try await finish(location, bytes, server: server, curl: curl, base: base)
      }
    }

    private func restart(_ server: ServerProcess, _ interruption: Interruption) async throws {
      switch interruption {
      case .terminated: try await server.stop()
      case .killed: await server.killHard()
      }
      try await server.start()
    }

    private func patch(
      _ file: String, from first: Int, to location: String, curl: Curl, base: String
    ) async throws -> Curl.Answer {
      let size = try readFile(file).count
      return try await curl.request(
        "PATCH", Curl.resolve(location, base: base),
        headers: ["Content-Type: application/octet-stream", "Content-Range: \(first)-\(first + size - 1)"],
        bodyFile: file)
    }

    private func finish(
      _ location: String, _ bytes: [UInt8], server: ServerProcess, curl: Curl, base: String
    ) async throws {
      let digest = sha256(bytes)
      let separator = location.contains("?") ? "&" : "?"
      let done = try await curl.request("PUT", "\(Curl.resolve(location, base: base))\(separator)digest=\(digest)")
      #expect(done.status == 201, "\(done.text)")
      let answer = try await RegistryReader.get(server.address, "/v2/acme/big/blobs/\(digest)")
      #expect(answer.status == 200)
      #expect(sha256(answer.body) == digest)
    }
  }
}
