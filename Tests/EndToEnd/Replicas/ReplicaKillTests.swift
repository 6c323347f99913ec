import Foundation
import TestSupport
import Testing

extension EndToEnd {
  /// A replica that is killed in the middle of one thing, and the other one after it. A PATCH that is cut so is in
  /// ``ReplicaTests``, a move in ``MoveTests``.
  @Suite struct ReplicaKillTests {
    @Test("a replica killed in the middle of the PUT of a blob leaves nothing, and the other takes the blob at once")
    func blob() async throws {
      try await withReplicas(2) { set, _ in
        for size in [500, 9 << 20] {
          let bytes = randomBytes(size)
          let addresses = set.addresses
          set.objectsProxy.follow([S3FaultRule(.hold, on: [.putObject, .completeMultipartUpload])])
          async let cut = Self.push(bytes, at: addresses[0])
          try await eventually("the object store is asked to keep it") { set.objectsProxy.held > 0 }
          await set.replicas[0].killHard()
          set.objectsProxy.follow([])
          #expect(await cut != 201)
          let missing = try await RegistryReader.get(addresses[1], "/v2/acme/cut/blobs/\(sha256(bytes))")
          #expect(missing.status == 404, "\(missing.text)")
          #expect(await Self.push(bytes, at: addresses[1]) == 201)
          try await set.replicas[0].start()
          for address in addresses {
            let read = try await RegistryReader.get(address, "/v2/acme/cut/blobs/\(sha256(bytes))")
            #expect(read.body == bytes)
          }
        }
        let check = try await set.replicas[1].check()
        #expect(check.succeeded, "\(check.story)")
      }
    }

    @Test("a replica killed in the middle of the PUT of a manifest leaves it whole or not at all")
    func manifest() async throws {
      try await withReplicas(2) { set, _ in
        let addresses = set.addresses
        for wait in [1, 5, 20, 300] {
          let image = Image(wait)
          for blob in image.blobs { #expect(await Self.push(blob, at: addresses[0]) == 201) }
          // The longest has its statements on their way to the database, where they arrive after its end.
          if wait == 300 { set.databaseProxy.silence(true) }
          async let cut = Self.put(image, at: addresses[0])
          try await Task.sleep(for: .milliseconds(wait))
          await set.replicas[0].killHard()
          set.databaseProxy.silence(false)
          let isAcknowledged = await cut == 201
          let target = "/v2/acme/cut/manifests/\(image.tag)"
          let answer = try await RegistryReader.get(addresses[1], target)
          #expect(answer.status == 200 || answer.status == 404 && !isAcknowledged, "\(answer.text)")
          if answer.status == 404 { #expect(await Self.put(image, at: addresses[1]) == 201) }
          #expect(try await RegistryReader.verify(addresses[1], "acme/cut", image.tag) == sha256(image.manifest()))
          try await set.replicas[0].start()
        }
        let check = try await set.replicas[1].check()
        #expect(check.succeeded, "\(check.story)")
      }
    }

    @Test("a replica killed in the middle of a collection keeps no blob from being pushed again, and the other goes on")
    func collection() async throws {
      try await withReplicas(2, configuration: ServerSettings.eagerCollection) { set, _ in
        let addresses = set.addresses
        // So that it is the first that collects.
        set.replicas[1].pause()
        set.objectsProxy.follow([S3FaultRule(.hold, on: [.deleteObject, .deleteObjects])])
        #expect(await Self.push(randomBytes(3000), at: addresses[0]) == 201)
        let unused = try #require(try await set.bucket.backdoor.keys().first { $0.hasPrefix("blobs/") })
        let image = Image(0)
        for blob in image.blobs { #expect(await Self.push(blob, at: addresses[0]) == 201) }
        // Longer than a chore belongs to the other, should that have been the first to take it.
        try await eventually(within: 150, "an object is being deleted") { set.objectsProxy.held > 0 }
        await set.replicas[0].killHard()
        set.objectsProxy.follow([])
        set.replicas[1].resume()
        // Of the image's blobs some may be claimed by who is no more.
        try await eventually("the image is pushed again") {
          for blob in image.blobs where await Self.push(blob, at: addresses[1]) != 201 { return false }
          return await Self.put(image, at: addresses[1]) == 201
        }
        #expect(try await set.bucket.backdoor.keys().contains(unused))
        // A start ends what was claimed and not removed.
        try await set.replicas[0].start()
        #expect(try await !set.bucket.backdoor.keys().contains(unused))
        for address in addresses {
          #expect(try await RegistryReader.verify(address, "acme/cut", image.tag) == sha256(image.manifest()))
        }
        let check = try await set.replicas[1].check()
        #expect(check.succeeded, "\(check.story)")
      }
    }

    /// An image that no other test has.
    private struct Image: Sendable {
      let tag: String
      let config: [UInt8]
      let layer = randomBytes(2000)

      init(_ number: Int) {
        tag = "t\(number)"
        config = Array(#"{"architecture":"amd64","os":"linux","id":"\#(UInt64.random(in: 0...UInt64.max))"}"#.utf8)
      }

      var blobs: [[UInt8]] { [config, layer] }

      func manifest() throws -> [UInt8] {
        try ImageManifest(
          mediaType: MediaTypes.manifest, config: ManifestDescriptor(MediaTypes.config, config),
          layers: [ManifestDescriptor(MediaTypes.layerGzip, layer)]
        ).encoded()
      }
    }

    /// The status of a push of a blob; nil when no answer came.
    private static func push(_ bytes: [UInt8], at address: Address) async -> Int? {
      try? await onOwnThread {
        let connection = try HTTPConnection(address, timeoutSeconds: 90)
        let started = try connection.request("POST", "/v2/acme/cut/blobs/uploads/", body: [])
        guard let location = started.headers["location"] else { return started.status }
        let separator = location.contains("?") ? "&" : "?"
        return try connection.request("PUT", "\(location)\(separator)digest=\(sha256(bytes))", body: bytes).status
      }
    }

    /// The status of a push of a manifest; nil when no answer came.
    private static func put(_ image: Image, at address: Address) async -> Int? {
      try? await onOwnThread {
        try HTTPConnection(address, timeoutSeconds: 90).request(
          "PUT", "/v2/acme/cut/manifests/\(image.tag)", headers: [("Content-Type", MediaTypes.manifest)],
          body: image.manifest()
        ).status
      }
    }
  }
}
