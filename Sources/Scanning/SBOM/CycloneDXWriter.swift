internal import OCI

/// Writes what is in an image, or in the images of an index, as CycloneDX 1.6 in JSON.
///
/// The image is the component that the document is about; its packages stand beside each other, with the operating system as one of
/// them. Of an index the document is about the index; each image is a component, with its packages nested in it. What is known not
/// to be whole is a composition that is incomplete.
///
/// Properties of a package: `berth:path`, the file that names it; `berth:layer`, the layer that has the file; `berth:ownedBy`, the
/// package of the operating system whose file that is. Of an image: `berth:gap`, why its packages may not be all.
///
/// Source: CycloneDX 1.6, JSON reference.
public enum CycloneDXWriter {
  public static let mediaType = "application/vnd.cyclonedx+json"

  /// The document about one image. The same arguments give the same bytes.
  public static func document(of image: SBOMImage, _ origin: SBOMOrigin) -> [UInt8] {
    var document = CycloneDXDocument(origin, digest: image.digest)
    let reference = image.digest.description
    document.head(about: CycloneDXDocument.container(image))
    document.stream.begin(.array, "components")
    let contents = document.packages(of: image, prefix: "")
    document.stream.end()
    document.dependencies([(reference, contents)])
    document.compositions(image.gap == nil ? [] : [reference])
    return document.finished()
  }

  /// The document about an index. The same arguments give the same bytes.
  public static func document(of index: SBOMIndex, _ origin: SBOMOrigin) -> [UInt8] {
    var document = CycloneDXDocument(origin, digest: index.digest)
    let images = index.distinctImages
    document.head(about: CycloneDXDocument.container(index))
    var dependencies = [(index.digest.description, images.map(\.digest.description))]
    document.stream.begin(.array, "components")
    for image in images {
      document.stream.begin(.object)
      for member in CycloneDXDocument.container(image).members { document.stream.add(member.value, member.key) }
      document.stream.begin(.array, "components")
      // An image may share packages with its neighbours, and references are the document's own.
      let contents = document.packages(of: image, prefix: "\(image.digest)/")
      document.stream.end()
      document.stream.end()
      dependencies.append((image.digest.description, contents))
    }
    document.stream.end()
    document.dependencies(dependencies)
    document.compositions(images.filter { $0.gap != nil }.map(\.digest.description))
    return document.finished()
  }
}

/// A document in the making.
private struct CycloneDXDocument {
  var stream = JSONStream()
  private let origin: SBOMOrigin
  private let digest: Digest

  init(_ origin: SBOMOrigin, digest: Digest) {
    self.origin = origin
    self.digest = digest
  }

  mutating func head(about subject: JSONObject) {
    stream.begin(.object)
    stream.add("http://cyclonedx.org/schema/bom-1.6.schema.json", "$schema")
    stream.add("CycloneDX", "bomFormat")
    stream.add("1.6", "specVersion")
    stream.add(.string("urn:uuid:" + origin.uuid(of: digest, format: "CycloneDX")), "serialNumber")
    stream.add(1, "version")
    let tool: JSONValue = ["type": "application", "name": "berth", "version": .string(origin.toolVersion)]
    stream.add(
      ["timestamp": .string(origin.created), "tools": ["components": [tool]], "component": .object(subject)], "metadata"
    )
  }

  mutating func finished() -> [UInt8] {
    stream.end()
    return stream.bytes
  }

  // MARK: Components

  static func container(_ image: SBOMImage) -> JSONObject {
    var object = container(image.digest, name: image.repository, image.purl)
    if let gap = image.gap { object.append("properties", [["name": "berth:gap", "value": .string(gap)]]) }
    return object
  }

  static func container(_ index: SBOMIndex) -> JSONObject {
    container(index.digest, name: index.repository, index.purl)
  }

  private static func container(_ digest: Digest, name: String, _ purl: PackageURL?) -> JSONObject {
    let algorithm: JSONValue =
      switch digest.algorithm {
      case .sha256: "SHA-256"
      case .sha512: "SHA-512"
      }
    var object: JSONObject = [
      "type": "container", "bom-ref": .string(digest.description), "name": .string(name),
      "version": .string(digest.description), "hashes": [["alg": algorithm, "content": .string(digest.hex)]],
    ]
    if let purl { object.append("purl", .string(purl.description)) }
    return object
  }

  /// - Returns: the references of what was written.
  mutating func packages(of image: SBOMImage, prefix: String) -> [String] {
    var references: [String] = []
    if let distribution = image.distribution {
      let reference = prefix + "os:" + distribution.qualifier
      references.append(reference)
      stream.add(Self.system(distribution, reference))
    }
    var counts: [String: Int] = [:]
    for package in image.packages {
      guard let purl = PackageURL(package.component, in: image.distribution)?.description else { continue }
      let count = (counts[purl] ?? 0) + 1
      counts[purl] = count
      // The same package may be named by several files.
      let reference = prefix + (count == 1 ? purl : "\(purl)#\(count)")
      references.append(reference)
      stream.add(Self.package(package, purl, reference))
    }
    return references
  }

  private static func system(_ distribution: Distribution, _ reference: String) -> JSONValue {
    var object: JSONObject = [
      "type": "operating-system", "bom-ref": .string(reference), "name": .string(distribution.id),
    ]
    if !distribution.versionID.isEmpty { object.append("version", .string(distribution.versionID)) }
    if let name = distribution.prettyName { object.append("description", .string(name)) }
    return .object(object)
  }

  private static func package(_ package: SBOMPackage, _ purl: String, _ reference: String) -> JSONValue {
    let component = package.component
    var object: JSONObject = ["type": "library", "bom-ref": .string(reference)]
    if let vendor = component.vendor, !vendor.isEmpty { object.append("publisher", .string(vendor)) }
    let mark: Character? = component.type == .maven ? ":" : component.type == .npm ? "/" : nil
    if let mark, let last = component.name.lastIndex(of: mark) {
      object.append("group", .string(String(component.name[..<last])))
      object.append("name", .string(String(component.name[component.name.index(after: last)...])))
    } else {
      object.append("name", .string(component.name))
    }
    object.append("version", .string(component.version))
    let licenses = licenses(component.licenses)
    if !licenses.isEmpty { object.append("licenses", .array(licenses)) }
    object.append("purl", .string(purl))
    var properties: [JSONValue] = [["name": "berth:path", "value": .string(package.path)]]
    if let layer = package.layer {
      properties.append(["name": "berth:layer", "value": .string(layer.description)])
    }
    if let owner = package.ownedBy { properties.append(["name": "berth:ownedBy", "value": .string(owner)]) }
    object.append("properties", .array(properties))
    return .object(object)
  }

  private static func licenses(_ texts: [String]) -> [JSONValue] {
    let texts = texts.filter { !$0.isEmpty }
    if texts.count == 1, SPDXLicenses.identifier(texts[0]) == nil, let expression = SPDXLicenses.expression(texts) {
      return [["expression": .string(expression)]]
    }
    return texts.map { text in
      if let known = SPDXLicenses.identifier(text) { return ["license": ["id": .string(known)]] }
      return ["license": ["name": .string(text)]]
    }
  }

  // MARK: What belongs to what

  mutating func dependencies(_ all: [(whole: String, parts: [String])]) {
    stream.begin(.array, "dependencies")
    for entry in all {
      stream.add(["ref": .string(entry.whole), "dependsOn": .array(entry.parts.map { .string($0) })])
    }
    stream.end()
  }

  mutating func compositions(_ incomplete: [String]) {
    guard !incomplete.isEmpty else { return }
    stream.add(
      .array(incomplete.map { ["aggregate": "incomplete", "assemblies": [.string($0)]] }), "compositions")
  }
}
