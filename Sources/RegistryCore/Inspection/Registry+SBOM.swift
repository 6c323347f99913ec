public import Access
internal import Ground
public import Metadata
internal import NIOCore
public import OCI
public import Scanning

/// The form of an SBOM.
public enum SBOMForm: String, Sendable, Hashable, CaseIterable {
  /// CycloneDX 1.6 in JSON.
  case cyclonedx
  /// SPDX 2.3 in JSON.
  case spdx

  public var mediaType: String {
    switch self {
    case .cyclonedx: CycloneDXWriter.mediaType
    case .spdx: SPDXWriter.mediaType
    }
  }
}

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

// Bills of materials: what is in an image in the forms that other tools read.
extension Registry {
  /// SBOMs of one image that are read at once.
  public static let attestedLimit = 20
  /// Of an attached SBOM. Larger ones are not read.
  static let attestedBytes: Int64 = 32 << 20

  /// The SBOM of an image, or of an index and each of its images.
  ///
  /// The same image and the same inventory give the same bytes: the time in it is that of the inventory.
  ///
  /// - Parameters:
  ///   - address: host and port of this registry as clients know it; empty: not known.
  ///   - version: of berth.
  /// - Throws: `MANIFEST_UNKNOWN`, `MANIFEST_INVALID`; ``AdministrationError``: there is nothing to be inspected, or it is not read yet.
  public func sbom(
    _ reference: Reference, as form: SBOMForm, platform: String? = nil, address: String, version: String,
    permit: Permit<Pull>
  ) async throws -> [UInt8] {
    let inspected = try await inspectedImages(reference, platform: platform, permit: permit)
    let repository = address.isEmpty ? permit.repository.text : "\(address)/\(permit.repository)"
    var tag: String?
    if case .tag(let named) = reference { tag = named.text }
    var images: [SBOMImage] = []
    var latest = Timestamp(microseconds: 0)
    for image in inspected {
      let row = try Self.inventoried(image)
      latest = max(latest, row.inventoriedAt ?? latest)
      var described = SBOMImage(
        digest: image.digest, repository: repository, row: row, contents: try await contents(of: row))
      described.tag = platform == nil && inspected.count == 1 ? tag : nil
      described.architecture = image.platform?.split(separator: "/").dropFirst().first.map { String($0) }
      images.append(described)
    }
    let origin = SBOMOrigin(toolVersion: version, created: latest.wholeSeconds)
    let isIndex = try await manifest(reference, permit: permit).mediaType.isIndex && platform == nil
    guard isIndex else {
      guard let image = images.first else { throw AdministrationError(.conflict, "there is no image in it") }
      return form == .spdx ? SPDXWriter.document(of: image, origin) : CycloneDXWriter.document(of: image, origin)
    }
    let digest = try await manifest(reference, permit: permit).digest
    let index = SBOMIndex(digest: digest, repository: repository, tag: tag, images: images)
    return form == .spdx ? SPDXWriter.document(of: index, origin) : CycloneDXWriter.document(of: index, origin)
  }

  /// The inventory of an image that can be asked about.
  ///
  /// - Throws: ``AdministrationError``, which says why it cannot.
  public static func inventoried(_ image: InspectedImage) throws -> ImageInventoryRow {
    guard let row = image.inventory else {
      throw AdministrationError(
        .notFound, "\(image.name) holds nothing that could be inspected, or was pushed a moment ago: try again")
    }
    switch row.state {
    case .waiting: throw AdministrationError(.conflict, "\(image.name) is not read yet: try again in a moment")
    case .failed:
      throw AdministrationError(
        .conflict, "\(image.name) could not be read: \(row.reason ?? "for an unknown reason")")
    case .inventoried, .unknownDistribution, .packageDatabaseRemoved: return row
    }
  }

  /// The SBOMs that refer to an image, each compared with what was found in it.
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
      found.append(try await attested(referrer.digest, type, ours, permit))
    }
    return found
  }

  /// Artifact types that hold SBOMs, bare or in attestations.
  private static let attestedTypes = Set(
    SBOMReader.mediaTypes + Attestation.mediaTypes)

  private func attested(
    _ referrer: Digest, _ type: String, _ ours: [Component], _ permit: Permit<Pull>
  ) async throws -> AttestedSBOM {
    func failed(_ reason: String) -> AttestedSBOM {
      AttestedSBOM(referrer: referrer, artifactType: type, document: nil, comparison: nil, failure: reason)
    }
    let stored = try await manifest(.digest(referrer), permit: permit)
    guard let layer = (try? Self.parse(stored.body, stored.mediaType))?.layers.first else {
      return failed("it has no content")
    }
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

extension SBOMImage {
  fileprivate init(digest: Digest, repository: String, row: ImageInventoryRow, contents: ImageContents) {
    self.init(digest: digest, repository: repository)
    distribution = row.os.map { id in
      var distribution = Distribution(id: id, versionID: row.osVersion ?? "")
      distribution.prettyName = row.osName
      return distribution
    }
    packages = contents.packages.map { package in
      SBOMPackage(
        Component(package), path: package.path,
        layer: contents.layers.indices.contains(package.layer) ? contents.layers[package.layer].digest : nil,
        ownedBy: package.ownedBy)
    }
    gap = row.state == .inventoried ? nil : row.reason
  }
}

extension Component {
  /// As it was when the package was found.
  init(_ package: ImagePackageRow) {
    // What is stored was of a known type when it was written.
    self.init(PackageType(rawValue: package.type) ?? .deb, name: package.name, version: package.version)
    func filled(_ text: String) -> String? { text.isEmpty ? nil : text }
    source = filled(package.sourceName).map { .init(name: $0, version: package.sourceVersion) }
    architecture = filled(package.architecture)
    module = filled(package.module)
    vendor = filled(package.vendor)
    licenses = package.licenses.split(separator: ",").map { String($0) }
  }
}

extension Timestamp {
  /// RFC 3339 without fractions.
  fileprivate var wholeSeconds: String {
    let text = description
    guard let dot = text.firstIndex(of: ".") else { return text }
    return text[..<dot] + "Z"
  }
}
