import Testing

extension EndToEnd {
  @Suite struct MountTests {
    @Test("a blob of one repository is mounted into another without being sent, and is there after a restart")
    func mount() async throws {
      try await withServer { server, workspace in
        let base = "http://\(server.address.authority)"
        let curl = Curl(workspace: workspace)
        let bytes = randomBytes(100_000)
        let digest = sha256(bytes)
        let file = try workspace.write(bytes, to: "blob")
        #expect(try await curl.pushBlob(file, digest: digest, to: "acme/from", at: base).status == 201)

        let url = "\(base)/v2/acme/into/blobs/uploads/?mount=\(digest)&from=acme/from"
        let mounted = try await curl.request("POST", url)
        #expect(mounted.status == 201, "\(mounted.text)")
        #expect(mounted.headers["docker-content-digest"] == digest)
        try await server.stop()
        try await server.start()
        let answer = try await RegistryReader.get(server.address, "/v2/acme/into/blobs/\(digest)")
        #expect(answer.status == 200)
        #expect(sha256(answer.body) == sha256(bytes))
      }
    }

    @Test("a mount of a blob that nobody has becomes an upload")
    func unknownBlob() async throws {
      try await withServer { server, workspace in
        let url = "http://\(server.address.authority)/v2/acme/into/blobs/uploads/"
        let answer = try await Curl(workspace: workspace)
          .request("POST", "\(url)?mount=\(sha256(randomBytes(10)))&from=acme/from")
        #expect(answer.status == 202)
        #expect(answer.headers["location"] != nil)
      }
    }
  }
}
