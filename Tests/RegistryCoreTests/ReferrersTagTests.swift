import OCI
import RegistryCore
import TestSupport
import Testing

@Suite struct `A referrers tag` {
  @Test func `is pulled as what a client has pushed there, also with what was added to it`() async throws {
    let client = try SimulatedClient(try await SimulatedMachine().start(), "acme/api")
    let config = SampleBlob(Array("{}".utf8))
    try await client.put(config)
    let subject = SampleManifest.image(config: config, layers: [])
    let artifacts = ["1", "2"].map { SampleManifest.image(config: config, layers: [], subject: subject, note: $0) }
    let index = SampleManifest.index([artifacts[0]])
    let reference = try Reference(parsing: "sha256-\(subject.digest.hex)")
    guard case .tag(let tag) = reference else { preconditionFailure("\(reference) is no tag") }
    try await client.push(artifacts[0])
    try await client.push(index, tags: [tag])
    let whole = try await client.registry.manifest(reference, permit: client.pull)
    #expect(whole.digest == index.digest && whole.source == index.digest)

    try await client.push(artifacts[1])
    let added = try await client.registry.manifest(reference, permit: client.pull)
    #expect(added.digest != index.digest && added.source == index.digest)
    // Who resolves the tag first asks for its digest next.
    #expect(try await client.registry.manifest(.digest(added.digest), permit: client.pull).body == added.body)
  }
}
