import Testing

extension EndToEnd {
  @Suite struct CrossClientTests {
    @Test(
      "what one client pushed, every client pulls, with the source's configuration digest",
      arguments: ClientKind.allCases)
    func everyClientPulls(pusher: ClientKind) async throws {
      let image = try await SharedImages.shared.debian()
      try await withServer { server, workspace in
        let repository = "cross/\(pusher.rawValue)"
        let reference = "\(server.address.authority)/\(repository):1.0"
        try await pusher.make(in: workspace).push(image, to: reference)
        try await RegistryReader.verify(server.address, repository, "1.0")
        for puller in ClientKind.allCases {
          let pulled = try await puller.make(in: workspace).pull(reference)
          #expect(try pulled == image.configDigest(), "pulled by \(puller)")
        }
      }
    }
  }
}
