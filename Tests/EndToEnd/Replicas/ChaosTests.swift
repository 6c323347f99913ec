import Foundation
import OCI
import TestSupport
import Testing

extension EndToEnd {
  /// Links between clients, registry, database and object store that cut, delay and duplicate, by a seed.
  ///
  /// What fails is played again by `BERTH_SEED=<seed> swift test --filter EndToEnd.*ChaosTests`, as far as the seed goes: it says
  /// what happens to each connection and request, and not which of two programs is quicker.
  @Suite struct ChaosTests {
    @Test(
      "every link of two replicas is cut, delayed and used twice by a seed; what was acknowledged is there",
      arguments: [Seed.chosen])
    func everyLink(seed: Seed) async throws {
      let impatience = "s3:\n  request_timeout: 2s\n"
      let configuration = ServerSettings.eagerCollection + impatience
      try await withReplicas(2, configuration: configuration, seed: seed.number) { set, _ in
        let clients = try set.clientProxies(seed: seed.number)
        var plan = ChaosPlan.rough
        plan.silence = .milliseconds(500)
        plan.longestDelay = .milliseconds(3)
        try await set.pushing(by: clients.map { .loopback4(port: $0.port) }, leastAcknowledged: 20) {
          for client in clients { client.follow(.rough) }
          set.objectsProxy.follow(.rough, seed: seed.number)
          set.databaseProxy.follow(plan)
          set.databaseProxy.cutAll()
          for _ in 0..<4 {
            try await Task.sleep(for: .seconds(2))
            set.objectsProxy.follow([S3FaultRule(.status(500), times: 2)])
          }
          for client in clients { client.follow(ExchangePlan()) }
          set.objectsProxy.follow(ExchangePlan(), seed: seed.number)
          set.databaseProxy.follow(.calm)
          set.databaseProxy.cutAll()
          try await Task.sleep(for: .seconds(1))
        }
        #expect(clients.map(\.duplicates).reduce(0, +) > 0)
        for client in clients { client.stop() }
      }
    }

    @Test(
      "requests of clients that arrive twice, late, in part or without an answer leave what was acknowledged whole",
      arguments: [Seed.chosen])
    func clients(seed: Seed) async throws {
      try await withServer(configuration: ServerSettings.eagerCollection) { server, _ in
        var plan = ExchangePlan.rough
        plan.duplicate = 0.4
        let link = try HTTPChaosProxy(to: server.address.port, seed: seed.number, plan: plan)
        try await EndToEnd.pushAndVerify(
          through: [server], by: [.loopback4(port: link.port)], toleratesUnavailable: false, leastAcknowledged: 20
        ) {
          try await Task.sleep(for: .seconds(4))
        }
        #expect(link.duplicates > 0)
        link.stop()
        try await server.stop()
        let check = try await server.check()
        #expect(check.succeeded, "\(check.story)")
      }
    }

    @Test("what is asked twice is done once")
    func twice() async throws {
      try await withServer { server, _ in
        var plan = ExchangePlan()
        plan.duplicate = 1
        let link = try HTTPChaosProxy(to: server.address.port, plan: plan)
        let way = Address.loopback4(port: link.port)
        let config = Array(#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#.utf8)
        let layer = randomBytes(200_000)
        let manifest = try ImageManifest(
          mediaType: MediaTypes.manifest, config: ManifestDescriptor(MediaTypes.config, config),
          layers: [ManifestDescriptor(MediaTypes.layerGzip, layer)]
        ).encoded()
        try await onOwnThread {
          let connection = try HTTPConnection(way)
          let uploads = "/v2/acme/twice/blobs/uploads/"
          let whole = try connection.request("POST", "\(uploads)?digest=\(sha256(config))", body: config)
          #expect(whole.status == 201, "\(whole.text)")
          // In two pieces: each is taken once, and the second sending of it is out of order.
          var location = try connection.request("POST", uploads, body: []).headers["location"] ?? ""
          for piece in [0..<120_000, 120_000..<200_000] {
            let range = ("Content-Range", "\(piece.lowerBound)-\(piece.upperBound - 1)")
            let answer = try connection.request("PATCH", location, headers: [range], body: Array(layer[piece]))
            #expect(answer.status == 202 && answer.headers["range"] == "0-\(piece.upperBound - 1)", "\(answer.text)")
            location = answer.headers["location"] ?? location
          }
          let separator = location.contains("?") ? "&" : "?"
          let done = try connection.request("PUT", "\(location)\(separator)digest=\(sha256(layer))", body: [])
          #expect(done.status == 201, "\(done.text)")
          let mounted = try connection.request(
            "POST", "/v2/acme/other/blobs/uploads/?mount=\(sha256(layer))&from=acme/twice", body: [])
          #expect(mounted.status == 201, "\(mounted.text)")
          let type = ("Content-Type", MediaTypes.manifest)
          for tag in ["one", "two"] {
            let put = try connection.request("PUT", "/v2/acme/twice/manifests/\(tag)", headers: [type], body: manifest)
            #expect(put.status == 201, "\(put.text)")
          }
          let deleted = try connection.request("DELETE", "/v2/acme/twice/manifests/two")
          #expect(deleted.status == 202, "\(deleted.text)")
        }
        #expect(link.duplicates == 9)
        link.stop()
        #expect(try await RegistryReader.verify(server.address, "acme/twice", "one") == sha256(manifest))
        #expect(try await RegistryReader.tags(server.address, "acme/twice") == ["one"])
        for (tag, events) in [("one", 1), ("two", 2)] {
          let history = try await ProgramRunner.succeed(
            ServerProcess.binary, ["tag", "history", "acme/twice:\(tag)", "--output", "json"],
            environment: ["BERTH_SERVER": server.address.authority])
          #expect(try JSONValue.parse(history.trimmed).array?.count == events, "\(history.story)")
        }
        try await server.stop()
        let check = try await server.check()
        #expect(check.succeeded, "\(check.story)")
      }
    }
  }
}
