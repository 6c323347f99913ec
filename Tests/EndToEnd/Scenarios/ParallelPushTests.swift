import Foundation
import Testing

extension EndToEnd {
  @Suite struct ParallelPushTests {
    @Test("eight curls push the same layer to eight repositories at once, and it is stored once")
    func sameLayer() async throws {
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        let curl = Curl(workspace: workspace)
        let bytes = randomBytes(16 << 20)
        let digest = sha256(bytes)
        let file = try workspace.write(bytes, to: "layer")
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for number in 1...8 {
            group.addTask { try await curl.pushBlob(file, digest: digest, to: "team\(number)/app", at: base).status }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 201, count: 8))
        for number in 1...8 {
          let answer = try await RegistryReader.get(server.address, "/v2/team\(number)/app/blobs/\(digest)")
          #expect(sha256(answer.body) == digest, "team\(number)")
        }
        // Apparent sizes of files, not blocks: room that was reserved ahead does not count.
        try await eventually("the data directory holds the layer once") {
          let used = try await ProgramRunner.succeed(
            "du", ["-s", "--block-size=1", "--apparent-size", server.dataDirectory])
          let size = used.text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } ?? .max
          return size < bytes.count * 3 / 2
        }
      }
    }

    @Test("eight skopeos push the same image to eight repositories at once")
    func sameImage() async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let authority = server.address.authority
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 1...8 {
            let skopeo = try Skopeo(in: workspace)
            group.addTask { try await skopeo.push(image, to: "\(authority)/team\(number)/app:1.0") }
          }
          try await group.waitForAll()
        }
        for number in 1...8 {
          #expect(try await RegistryReader.verify(server.address, "team\(number)/app", "1.0") == image.digest())
        }
      }
    }
  }
}
