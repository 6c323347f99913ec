import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// Blobs of an object store on their way to clients: through the replica, past it, or from its disk.
  @Suite struct DownloadTests {
    @Test("clients of the networks that are named are sent to a signed URL, and others are not")
    func redirects() async throws {
      let image = try await SharedImages.shared.debian()
      let networks = "s3:\n  redirect: [10.0.0.0/8]\n"
      try await withReplicas(1, configuration: networks) { set, workspace in
        let address = set.addresses[0]
        let name = "acme/redirected"
        try await Skopeo(in: workspace).push(image, to: "\(address.authority)/\(name):1")
        let found = try await RegistryReader.manifest(address, name, "1")
        let layer = try #require(found.manifest.layers?.max { $0.size < $1.size })
        let target = "/v2/\(name)/blobs/\(layer.digest)"
        // The peer is trusted, so what it says of its client counts.
        for (client, status) in [("10.1.2.3", 307), ("192.168.1.1", 200), ("10.1.2.3, 192.168.1.1", 200)] {
          let answer = try await RegistryReader.get(address, target, headers: [("X-Forwarded-For", client)])
          #expect(answer.status == status, "\(client)")
        }
        let answer = try await RegistryReader.get(address, target, headers: [("X-Forwarded-For", "10.1.2.3")])
        let url = try #require(answer.headers["location"])
        #expect(url.contains("X-Amz-Signature=") && !url.contains(set.bucket.secretKey))
        let fetched = try await Curl(workspace: workspace).request("GET", url)
        #expect(fetched.status == 200)
        #expect(sha256(fetched.body) == layer.digest)
        #expect(fetched.headers["content-type"] == "application/octet-stream")
      }
    }

    @Test("every client follows a redirect to a signed URL of the object store for every layer")
    func clients() async throws {
      let image = try await SharedImages.shared.debian()
      try await withReplicas(1, configuration: "s3:\n  redirect: always\n") { set, workspace in
        let reference = "\(set.addresses[0].authority)/acme/redirected:1"
        try await Skopeo(in: workspace).push(image, to: reference)
        // Small ones are answered at once.
        let layers = Set((try image.manifest().layers ?? []).filter { $0.size > 1 << 20 }.map(\.digest))
        #expect(!layers.isEmpty)
        for kind in ClientKind.allCases {
          set.objectsProxy.forget()
          #expect(try await kind.make(in: workspace).pull(reference) == image.configDigest(), "\(kind)")
          let fetched = set.objectsProxy.exchanges.filter { $0.operation == .getObject && $0.status == 200 }
          let signed = fetched.filter { $0.target.contains("X-Amz-Signature=") }
          #expect(signed.count >= layers.count, "\(kind) was sent \(signed.count) of \(layers.count) layers so")
        }
        try await eventually("the log tells of redirects") { set.replicas[0].story.contains("\"status\":307") }
      }
    }

    @Test("a replica with a cache on disk asks the object store once for a blob that is pulled again and again")
    func diskCache() async throws {
      let workspace = try Workspace()
      let directory = workspace.file("cache")
      try await withReplicas(1, configuration: "cache:\n  disk_directory: \(directory)\n  disk_bytes: 100 MiB\n") {
        set, _ in
        let bytes = randomBytes(5 << 20)
        let address = set.addresses[0]
        let digest = sha256(bytes)
        let pushed = try await onOwnThread {
          try HTTPConnection(address).request("POST", "/v2/acme/hot/blobs/uploads/?digest=\(digest)", body: bytes)
            .status
        }
        #expect(pushed == 201)
        set.objectsProxy.forget()
        for _ in 0..<4 {
          let read = try await RegistryReader.get(address, "/v2/acme/hot/blobs/\(digest)")
          #expect(read.body == bytes)
        }
        let part = try await RegistryReader.get(
          address, "/v2/acme/hot/blobs/\(digest)", headers: [("Range", "bytes=100-199")])
        #expect(part.status == 206 && part.body == Array(bytes[100..<200]))
        #expect(set.objectsProxy.counts[.getObject] == 1)
      }
      workspace.remove()
    }
  }
}
