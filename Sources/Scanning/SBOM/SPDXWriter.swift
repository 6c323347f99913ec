internal import OCI

/// Writes what is in an image, or in the images of an index, as SPDX 2.3 in JSON.
///
/// The document describes the image, which contains its packages and its operating system; or the index, which contains its images.
/// Where a package was found stands in its `sourceInfo`. What is not known is `NOASSERTION`.
///
/// Source: SPDX 2.3, clauses 6, 7 and 11.
public enum SPDXWriter {
  public static let mediaType = "application/spdx+json"

  /// The document about one image. The same arguments give the same bytes.
  public static func document(of image: SBOMImage, _ origin: SBOMOrigin) -> [UInt8] {
    var document = SPDXDocument(origin, digest: image.digest, name: image.repository)
    document.describe("Image")
    document.image(image, id: "Image")
    return document.finished()
  }

  /// The document about an index. The same arguments give the same bytes.
  public static func document(of index: SBOMIndex, _ origin: SBOMOrigin) -> [UInt8] {
    var document = SPDXDocument(origin, digest: index.digest, name: index.repository)
    document.describe("Index")
    document.container(index.digest, name: index.repository, index.purl, comment: nil, id: "Index")
    for (number, image) in index.distinctImages.enumerated() {
      let id = "Image-\(number + 1)"
      document.relate("Index", "CONTAINS", id)
      document.image(image, id: id)
    }
    return document.finished()
  }
}

/// A document in the making.
private struct SPDXDocument {
  private var stream = JSONStream()
  /// They follow the packages.
  private var relationships = JSONStream()

  init(_ origin: SBOMOrigin, digest: Digest, name: String) {
    let uuid = origin.uuid(of: digest, format: "SPDX")
    stream.begin(.object)
    stream.add("SPDX-2.3", "spdxVersion")
    stream.add("CC0-1.0", "dataLicense")
    stream.add("SPDXRef-DOCUMENT", "SPDXID")
    stream.add(.string(name), "name")
    let place = "https://spdx.org/spdxdocs/\(PercentCoding.encoded(name))-\(uuid)"
    stream.add(.string(place), "documentNamespace")
    stream.add(
      ["created": .string(origin.created), "creators": [.string("Tool: berth-\(origin.toolVersion)")]], "creationInfo")
    stream.begin(.array, "packages")
    relationships.begin(.array)
  }

  mutating func finished() -> [UInt8] {
    stream.end()
    relationships.end()
    stream.addWritten(relationships.bytes, "relationships")
    stream.end()
    return stream.bytes
  }

  mutating func describe(_ id: String) { relate("DOCUMENT", "DESCRIBES", id) }

  mutating func relate(_ from: String, _ kind: String, _ to: String) {
    relationships.add([
      "spdxElementId": .string("SPDXRef-\(from)"), "relationshipType": .string(kind),
      "relatedSpdxElement": .string("SPDXRef-\(to)"),
    ])
  }

  // MARK: Packages

  mutating func image(_ image: SBOMImage, id: String) {
    container(image.digest, name: image.repository, image.purl, comment: image.gap, id: id)
    if let distribution = image.distribution {
      let system = "\(id)-System"
      stream.add(Self.system(distribution, system))
      relate(id, "CONTAINS", system)
    }
    for (number, package) in image.packages.enumerated() {
      guard let purl = PackageURL(package.component, in: image.distribution) else { continue }
      let part = "\(id)-Package-\(number + 1)"
      stream.add(Self.package(package, purl, part))
      relate(id, "CONTAINS", part)
    }
  }

  mutating func container(_ digest: Digest, name: String, _ purl: PackageURL?, comment: String?, id: String) {
    let algorithm: JSONValue =
      switch digest.algorithm {
      case .sha256: "SHA256"
      case .sha512: "SHA512"
      }
    var object = Self.head(id, name: name, version: digest.description, supplier: nil)
    object.append("checksums", [["algorithm": algorithm, "checksumValue": .string(digest.hex)]])
    object.append("primaryPackagePurpose", "CONTAINER")
    if let comment { object.append("comment", .string("It may hold more than is listed: \(comment).")) }
    Self.finish(&object, license: nil, purl)
    stream.add(.object(object))
  }

  private static func system(_ distribution: Distribution, _ id: String) -> JSONValue {
    var object = head(id, name: distribution.id, version: distribution.versionID, supplier: nil)
    object.append("primaryPackagePurpose", "OPERATING_SYSTEM")
    if let name = distribution.prettyName { object.append("description", .string(name)) }
    finish(&object, license: nil, nil)
    return .object(object)
  }

  private static func package(_ package: SBOMPackage, _ purl: PackageURL, _ id: String) -> JSONValue {
    let component = package.component
    var object = head(id, name: component.name, version: component.version, supplier: component.vendor)
    let layer = package.layer.map { " of layer \($0)" } ?? ""
    let owner = package.ownedBy.map { ", a file of the package \($0)" } ?? ""
    object.append("sourceInfo", .string("named by \(package.path)\(layer)\(owner)"))
    object.append("primaryPackagePurpose", "LIBRARY")
    let texts = component.licenses.filter { !$0.isEmpty }
    let license = SPDXLicenses.expression(texts)
    if license == nil, !texts.isEmpty {
      object.append("licenseComments", .string("The package's own record says: \(texts.joined(separator: ", "))"))
    }
    finish(&object, license: license, purl)
    return .object(object)
  }

  private static func head(_ id: String, name: String, version: String, supplier: String?) -> JSONObject {
    var object: JSONObject = ["SPDXID": .string("SPDXRef-\(id)"), "name": .string(name)]
    if !version.isEmpty { object.append("versionInfo", .string(version)) }
    object.append("supplier", .string(supplier.flatMap { organisation($0) } ?? "NOASSERTION"))
    object.append("downloadLocation", "NOASSERTION")
    object.append("filesAnalyzed", false)
    return object
  }

  /// Source: SPDX 2.3, clause 7.5: what stands in parentheses behind the name would be read as an address.
  private static func organisation(_ vendor: String) -> String? {
    let isPlain = vendor.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "(" && $0 != ")" }
    return isPlain && vendor.contains { $0 != " " } ? "Organization: \(vendor)" : nil
  }

  private static func finish(_ object: inout JSONObject, license: String?, _ purl: PackageURL?) {
    object.append("licenseConcluded", "NOASSERTION")
    object.append("licenseDeclared", .string(license ?? "NOASSERTION"))
    object.append("copyrightText", "NOASSERTION")
    guard let purl else { return }
    object.append(
      "externalRefs",
      [
        [
          "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
          "referenceLocator": .string(purl.description),
        ]
      ])
  }
}
