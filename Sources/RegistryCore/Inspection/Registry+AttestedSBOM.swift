public import Access
internal import Metadata
internal import NIOCore
public import OCI
public import Scanning

/// An SBOM that somebody has attached to an image, held against what is in the image.
public struct AttestedSBOM: Sendable {
  /// The manifest that refers to the image.
  public let referrer: Digest
  public let artifactType: String
  /// Nil: it cannot be read; ``failure`` says why.
  public let document: SBOMDocument?
  public let comparison: SBOMComparison?
  public let failure: String?
}

// SBOMs that others have made of an image.
extension Registry {
  /// SBOMs of one image that are read at once.
  public static let attestedLimit = 20
  /// Of an attached SBOM. Larger ones are not read.
  static let attestedBytes: Int64 = 32 << 20

  /// The SBOMs that refer to an image, or were put beside it into an index by its build, each compared with what was found in it.
  ///
  /// Signatures of attestations are not verified: the document tells whether it has one.
  public func attestedSBOMs(_ reference: Reference, permit: Permit<Pull>) async throws -> [AttestedSBOM] {
    let images = try await inspectedImages(reference, permit: permit)
    guard let image = images.first, images.count == 1 else {
      throw AdministrationError(.invalid, "name one image of the index by its digest")
    }
    let row = try Self.inventoried(image)
    let ours = try await contents(of: row).packages.map { Component($0) }
    var found: [AttestedSBOM] = []
    let page = try await referrers(of: image.digest, artifactType: nil, after: nil, permit: permit)
    for referrer in page.elements where found.count < Self.attestedLimit {
      guard let type = referrer.artifactType?.text, Self.attestedTypes.contains(type) else { continue }
      let stored = try await manifest(.digest(referrer.digest), permit: permit)
      let layer = (try? Self.parse(stored.body, stored.mediaType))?.layers.first
      found.append(try await attested(referrer.digest, type, layer, ours, permit))
    }
    for (attestation, layer) in try await attestationsOfBuild(of: image.digest, permit)
    where found.count < Self.attestedLimit {
      found.append(try await attested(attestation, layer.mediaType.text, layer, ours, permit))
    }
    return found
  }

  /// Attestations that BuildKit puts into an index, in manifests of no platform beside those of its images: those that hold an SBOM.
  ///
  /// Source: BuildKit, docs/attestations, "Attestation storage".
  private func attestationsOfBuild(
    of image: Digest, _ permit: Permit<Pull>
  ) async throws -> [(manifest: Digest, layer: Descriptor)] {
    func manifestAtHand(_ digest: Digest) async throws -> Manifest? {
      guard let stored = try? await manifest(.digest(digest), permit: permit) else { return nil }
      return try? Self.parse(stored.body, stored.mediaType)
    }
    let repository = permit.repository
    let indexes = try await database.read { try $0.digestsOf(image: image, in: repository) }.dropFirst()
    var found: [(manifest: Digest, layer: Descriptor)] = []
    var seen: Set<Digest> = []
    for index in indexes.prefix(Self.attestedLimit) {
      for entry in try await manifestAtHand(index)?.manifests ?? []
      where entry.annotations["vnd.docker.reference.type"] == "attestation-manifest"
        && entry.annotations["vnd.docker.reference.digest"] == image.description && seen.insert(entry.digest).inserted
      {
        let layers = try await manifestAtHand(entry.digest)?.layers ?? []
        found += layers.filter { $0.holdsSBOM }.map { (entry.digest, $0) }
      }
    }
    return found
  }

  /// Artifact types that hold SBOMs, bare or in attestations.
  private static let attestedTypes = Set(
    SBOMReader.mediaTypes + Attestation.mediaTypes)

  private func attested(
    _ referrer: Digest, _ type: String, _ layer: Descriptor?, _ ours: [Component], _ permit: Permit<Pull>
  ) async throws -> AttestedSBOM {
    func failed(_ reason: String) -> AttestedSBOM {
      AttestedSBOM(referrer: referrer, artifactType: type, document: nil, comparison: nil, failure: reason)
    }
    guard let layer else { return failed("it has no content") }
    let content: BlobContent
    do { content = try await blob(layer.digest, permit: permit) } catch let error as RegistryError {
      return failed(error.message)
    }
    guard content.sizeBytes <= Self.attestedBytes else { return failed("it has more than \(Self.attestedBytes) bytes") }
    let bytes = try await content.collect()
    do {
      let document = try bytes.withUnsafeReadableBytes { try SBOMReader.document($0) }
      return AttestedSBOM(
        referrer: referrer, artifactType: type, document: document,
        comparison: SBOMComparison(of: ours, with: document), failure: nil)
    } catch let error as ParseError {
      return failed(error.message)
    }
  }
}

extension Descriptor {
  /// It says of itself that it is an attestation of an SBOM.
  fileprivate var holdsSBOM: Bool {
    guard let predicate = annotations["in-toto.io/predicate-type"] else { return false }
    return Attestation.mediaTypes.contains(mediaType.text)
      && (predicate.hasPrefix("https://spdx.dev/Document") || predicate.hasPrefix("https://cyclonedx.org/bom"))
  }
}
