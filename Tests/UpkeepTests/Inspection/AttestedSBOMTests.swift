import NIOCore
import OCI
import RegistryCore
import Scanning
import TestSupport
import Testing

/// SBOMs that others have made.
@Suite struct `Attested SBOMs` {
  private static let statement = """
    {"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","subject":[],"predicate":{
    "spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"x","documentNamespace":"https://x",
    "creationInfo":{"created":"2026-01-01T00:00:00Z","creators":["Tool: x"]},"packages":[{"SPDXID":"SPDXRef-1","name":"curl",
    "versionInfo":"7.88.1-10","downloadLocation":"NOASSERTION","externalRefs":[{"referenceCategory":"PACKAGE-MANAGER",
    "referenceType":"purl","referenceLocator":"pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12"}]}]}}
    """

  /// As BuildKit lays them into the index of what it has built.
  @Test func `of a build are read from the index, and only those of the image that is asked about`() async throws {
    try await InspectionStage.run { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let other = try await stage.push([InspectionStage.layer([("etc/motd", "hello")])], as: .sample("2"))
      try await stage.inspect()
      let sbom = SampleBlob(Array(Self.statement.utf8))
      let provenance = SampleBlob(Array(#"{"predicateType":"https://slsa.dev/provenance/v0.2","predicate":{}}"#.utf8))
      for blob in [sbom, provenance] { try await stage.client.put(blob) }

      func descriptor(_ blob: SampleBlob, _ predicate: String) -> JSONValue {
        Descriptor(
          mediaType: (try? MediaType(parsing: "application/vnd.in-toto+json")) ?? .octetStream, digest: blob.digest,
          size: Int64(blob.bytes.count), annotations: ["in-toto.io/predicate-type": predicate]
        ).json
      }
      let attestation = SampleBlob(
        Array(
          JSONValue.object([
            "schemaVersion": .integer(2), "mediaType": .string(MediaType.ociManifest.text),
            "config": InspectionStage.config.descriptor(.ociConfig).json,
            "layers": .array([
              descriptor(provenance, "https://slsa.dev/provenance/v0.2"),
              descriptor(sbom, "https://spdx.dev/Document"),
            ]),
          ]).text.utf8))
      let entry = Descriptor(
        mediaType: .ociManifest, digest: attestation.digest, size: Int64(attestation.bytes.count),
        annotations: [
          "vnd.docker.reference.type": "attestation-manifest",
          "vnd.docker.reference.digest": image.digest.description,
        ], platform: Platform(architecture: "unknown", os: "unknown"))
      let index = SampleBlob(
        Array(
          JSONValue.object([
            "schemaVersion": .integer(2), "mediaType": .string(MediaType.ociIndex.text),
            "manifests": .array([image.descriptor.json, other.descriptor.json, entry.json]),
          ]).text.utf8))
      for (bytes, reference, type) in [
        (attestation, Reference.digest(attestation.digest), MediaType.ociManifest),
        (index, .tag(.sample("built")), .ociIndex),
      ] {
        _ = try await stage.registry.pushManifest(
          bytes.buffer, as: reference, tags: [], contentType: type, permit: stage.client.push)
      }

      let found = try await stage.registry.attestedSBOMs(.tag(.sample("1")), permit: stage.client.pull)
      #expect(found.map(\.referrer) == [attestation.digest])
      #expect(found.first?.failure == nil)
      #expect(found.first?.document?.components.map(\.name) == ["curl"])
      #expect(try await stage.registry.attestedSBOMs(.tag(.sample("2")), permit: stage.client.pull).isEmpty)
    }
  }
}
