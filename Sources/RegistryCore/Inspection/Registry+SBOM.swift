public import Access
internal import Ground
public import Metadata
internal import NIOCore
public import OCI
internal import Scanning

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

// Bills of materials: what is in an image in the forms that other tools read.
extension Registry {
  /// The SBOM of an image, or of an index and each of its images.
  ///
  /// The same image and the same inventory give the same bytes: the time in it is that of the inventory. An image of an index whose
  /// packages nobody will know is described with the reason; one that waits is waited for.
  ///
  /// - Parameters:
  ///   - address: host and port of this registry as clients know it; empty: not known.
  ///   - version: of berth.
  /// - Throws: `MANIFEST_UNKNOWN`, `MANIFEST_INVALID`; ``AdministrationError``: there is nothing to be inspected, also in none of the
  ///   images of an index, or it is not read yet.
  public func sbom(
    _ reference: Reference, as form: SBOMForm, platform: String? = nil, address: String, version: String,
    permit: Permit<Pull>
  ) async throws -> [UInt8] {
    let inspected = try await inspectedImages(reference, platform: platform, permit: permit)
    let repository = address.isEmpty ? permit.repository.text : "\(address)/\(permit.repository)"
    var tag: String?
    if case .tag(let named) = reference { tag = named.text }
    let isIndex = try await manifest(reference, permit: permit).mediaType.isIndex && platform == nil
    var images: [SBOMImage] = []
    var latest = Timestamp(microseconds: 0)
    let isKnownInPart = inspected.contains { Self.lastingGap(of: $0) == nil }
    for image in inspected {
      var described: SBOMImage
      if isIndex, isKnownInPart, let gap = Self.lastingGap(of: image) {
        described = SBOMImage(digest: image.digest, repository: repository)
        described.gap = gap
      } else {
        let row = try Self.inventoried(image)
        latest = max(latest, row.inventoriedAt ?? latest)
        described = SBOMImage(
          digest: image.digest, repository: repository, row: row, contents: try await contents(of: row))
      }
      described.tag = platform == nil && inspected.count == 1 ? tag : nil
      described.architecture = image.platform?.split(separator: "/").dropFirst().first.map { String($0) }
      images.append(described)
    }
    let origin = SBOMOrigin(toolVersion: version, created: latest.wholeSeconds)
    guard isIndex else {
      guard let image = images.first else { throw AdministrationError(.conflict, "there is no image in it") }
      return form == .spdx ? SPDXWriter.document(of: image, origin) : CycloneDXWriter.document(of: image, origin)
    }
    let digest = try await manifest(reference, permit: permit).digest
    let index = SBOMIndex(digest: digest, repository: repository, tag: tag, images: images)
    return form == .spdx ? SPDXWriter.document(of: index, origin) : CycloneDXWriter.document(of: index, origin)
  }

  /// Why the packages of an image are not known, and will not be in a moment either; nil: they are, or it is waited for.
  private static func lastingGap(of image: InspectedImage) -> String? {
    guard let row = image.inventory else {
      switch image.absence {
      case .noFiles: return "it holds nothing that could be inspected"
      case .notHere: return "it is listed by the index, and is not here"
      case .beyondLimit(let reason): return reason
      case .unread: return nil
      }
    }
    return row.state == .failed ? "it could not be read: \(row.reason ?? "for an unknown reason")" : nil
  }

  /// The inventory of an image that can be asked about.
  ///
  /// - Throws: ``AdministrationError``, which says why it cannot.
  public static func inventoried(_ image: InspectedImage) throws -> ImageInventoryRow {
    guard let row = image.inventory else {
      switch image.absence {
      case .noFiles: throw AdministrationError(.notFound, "\(image.name) holds nothing that could be inspected")
      case .unread: throw AdministrationError(.conflict, "\(image.name) is not read yet: try again in a moment")
      case .notHere: throw AdministrationError(.notFound, "\(image.name) is listed by an index, and is not here")
      case .beyondLimit(let reason): throw AdministrationError(.conflict, "\(image.name): \(reason)")
      }
    }
    switch row.state {
    case .waiting: throw AdministrationError(.conflict, "\(image.name) is not read yet: try again in a moment")
    case .failed:
      throw AdministrationError(
        .conflict, "\(image.name) could not be read: \(row.reason ?? "for an unknown reason")")
    case .inventoried, .unknownDistribution, .packageDatabaseRemoved, .packageDatabaseMissing: return row
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
