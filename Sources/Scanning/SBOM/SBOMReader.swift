public import OCI

/// Reads SBOMs that other tools made, and our own: CycloneDX 1.2 to 1.6 and SPDX 2.2 and 2.3, in JSON, bare or in an attestation.
///
/// It takes what it understands and passes over the rest: a component with a broken package URL is kept with its name.
///
/// Source: CycloneDX, JSON reference; SPDX 2.3; see ``Attestation`` for the wrappings.
public enum SBOMReader {
  /// Predicate types of attestations that hold an SBOM, without the version that may follow.
  public static let predicateTypes = ["https://spdx.dev/Document", "https://cyclonedx.org/bom"]
  /// Media types and artifact types under which SBOMs are attached bare.
  public static let mediaTypes = [CycloneDXWriter.mediaType, SPDXWriter.mediaType, "text/spdx+json"]

  /// - Throws: kind `.json` for what is no JSON, or no SBOM of these formats, or larger than ``Attestation/limitBytes``.
  public static func document(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> SBOMDocument {
    let attestation = try Attestation(bytes)
    var read: SBOMDocument
    if let version = attestation.document["spdxVersion"]?.string, version.hasPrefix("SPDX-2.") {
      read = spdx(attestation.document, version: String(version.dropFirst("SPDX-".count)))
    } else if attestation.document["bomFormat"]?.string == "CycloneDX" {
      let version = attestation.document["specVersion"]?.string ?? ""
      guard version.hasPrefix("1.") else { throw ParseError(.json, "The version of CycloneDX is none that we read.") }
      read = cycloneDX(attestation.document, version: version)
    } else {
      throw ParseError(.json, "The document is neither CycloneDX nor SPDX 2 in JSON.")
    }
    for digest in attestation.subjects { read.add(subject: digest.description) }
    read.isSigned = attestation.isSigned
    return read
  }

  // MARK: CycloneDX

  private static func cycloneDX(_ bom: JSONValue, version: String) -> SBOMDocument {
    var read = SBOMDocument(.cycloneDX, version: version)
    read.created = bom["metadata"]?["timestamp"]?.string
    let tools = bom["metadata"]?["tools"]
    read.tools = (tools?["components"]?.array ?? tools?.array ?? []).prefix(16).compactMap { tool in
      tool["name"]?.string.map { name in tool["version"]?.string.map { "\(name) \($0)" } ?? name }
    }
    if let subject = bom["metadata"]?["component"] {
      read.name = subject["name"]?.string ?? ""
      read.takeSubject(cycloneDX: subject)
    }
    let all = flattened(bom)
    for entry in all where entry["type"]?.string == "container" { read.takeSubject(cycloneDX: entry) }
    let system = all.first { $0["type"]?.string == "operating-system" }.flatMap { entry in
      entry["name"]?.string.map { name in
        Distribution(id: Distribution.identifier(name), versionID: entry["version"]?.string ?? "")
      }
    }
    read.components = all.compactMap { component(cycloneDX: $0, system) }
    return read
  }

  /// Components, and those that stand in others, in the order of the document.
  private static func flattened(_ bom: JSONValue) -> [JSONValue] {
    var found: [JSONValue] = []
    var waiting: [JSONValue] = (bom["components"]?.array ?? []).reversed()
    while let next = waiting.popLast() {
      found.append(next)
      waiting.append(contentsOf: (next["components"]?.array ?? []).reversed())
    }
    return found
  }

  private static func component(cycloneDX entry: JSONValue, _ system: Distribution?) -> SBOMComponent? {
    switch entry["type"]?.string {
    case "library", "framework", "application", nil: break
    default: return nil
    }
    let purl = entry["purl"]?.string
    var name = entry["name"]?.string ?? ""
    if let group = entry["group"]?.string, !group.isEmpty {
      name = group + (purl?.hasPrefix("pkg:maven") ?? false ? ":" : "/") + name
    }
    let made = SBOMComponent(name: name, version: entry["version"]?.string ?? "", purl: purl, system: system)
    guard var made, made.purl?.isImage != true else { return nil }
    if made.component?.type == .rpm { made.component?.vendor = entry["publisher"]?.string }
    var properties: [String: String] = [:]
    for property in entry["properties"]?.array ?? [] {
      guard let name = property["name"]?.string, name.hasPrefix(trivyPrefix) else { continue }
      properties[String(name.dropFirst(trivyPrefix.count))] = property["value"]?.string
    }
    let release = properties["SrcRelease"].map { "-\($0)" } ?? ""
    let epoch = made.component?.type == .deb ? properties["SrcEpoch"].map { "\($0):" } ?? "" : ""
    made.take(source: properties["SrcName"], version: properties["SrcVersion"].map { epoch + $0 + release })
    return made
  }

  /// Source: trivy.dev, "CycloneDX", properties.
  private static let trivyPrefix = "aquasecurity:trivy:"

  // MARK: SPDX

  private static func spdx(_ document: JSONValue, version: String) -> SBOMDocument {
    var read = SBOMDocument(.spdx, version: version)
    read.name = document["name"]?.string ?? ""
    read.created = document["creationInfo"]?["created"]?.string
    read.tools = (document["creationInfo"]?["creators"]?.array ?? []).prefix(16).compactMap { creator in
      creator.string.flatMap { $0.hasPrefix("Tool: ") ? String($0.dropFirst("Tool: ".count)) : nil }
    }
    let packages = document["packages"]?.array ?? []
    let described = describedElements(document)
    func purpose(_ package: JSONValue) -> String {
      (package["primaryPackagePurpose"]?.string ?? "").replacing("-", with: "_")
    }
    let system = packages.first { purpose($0) == "OPERATING_SYSTEM" }.flatMap { package in
      package["name"]?.string.map { name in
        Distribution(id: Distribution.identifier(name), versionID: package["versionInfo"]?.string ?? "")
      }
    }
    for package in packages {
      let isDescribed = package["SPDXID"]?.string.map { described.contains($0) } ?? false
      let purl = (package["externalRefs"]?.array ?? []).first { $0["referenceType"]?.string == "purl" }
      let made = SBOMComponent(
        name: package["name"]?.string ?? "", version: package["versionInfo"]?.string ?? "",
        purl: purl?["referenceLocator"]?.string, system: system)
      guard var made else { continue }
      let isImage = purpose(package) == "CONTAINER" || made.purl?.isImage == true
      if isImage || isDescribed { read.takeSubject(spdx: package, made) }
      if isImage || (isDescribed && made.purl == nil) || ["OPERATING_SYSTEM", "FILE"].contains(purpose(package)) {
        continue
      }
      if made.component?.type == .rpm { made.component?.vendor = organisation(package["supplier"]?.string) }
      made.take(builtFrom: package["sourceInfo"]?.string)
      read.components.append(made)
    }
    return read
  }

  private static func describedElements(_ document: JSONValue) -> Set<String> {
    var found = Set((document["documentDescribes"]?.array ?? []).compactMap(\.string))
    for relation in document["relationships"]?.array ?? [] {
      guard let from = relation["spdxElementId"]?.string, let to = relation["relatedSpdxElement"]?.string else {
        continue
      }
      switch relation["relationshipType"]?.string {
      case "DESCRIBES" where from == "SPDXRef-DOCUMENT": found.insert(to)
      case "DESCRIBED_BY" where to == "SPDXRef-DOCUMENT": found.insert(from)
      default: break
      }
    }
    return found
  }

  private static func organisation(_ supplier: String?) -> String? {
    guard let supplier, supplier.hasPrefix("Organization: ") else { return nil }
    return String(supplier.dropFirst("Organization: ".count))
  }
}

extension SBOMDocument {
  fileprivate mutating func takeSubject(cycloneDX entry: JSONValue) {
    add(
      subject: entry["purl"]?.string.flatMap { try? PackageURL(parsing: $0) }.flatMap { $0.isImage ? $0.version : nil })
    add(subject: entry["version"]?.string)
    guard entry["type"]?.string == "container" else { return }
    for hash in entry["hashes"]?.array ?? [] where hash["alg"]?.string == "SHA-256" {
      add(subject: hash["content"]?.string.map { "sha256:\($0)" })
    }
  }

  fileprivate mutating func takeSubject(spdx package: JSONValue, _ component: SBOMComponent) {
    if name.isEmpty { name = component.name }
    if component.purl?.isImage == true { add(subject: component.purl?.version) }
    add(subject: component.version)
    for checksum in package["checksums"]?.array ?? [] where checksum["algorithm"]?.string == "SHA256" {
      add(subject: checksum["checksumValue"]?.string.map { "sha256:\($0)" })
    }
  }
}

extension SBOMComponent {
  /// `built package from: curl 7.88.1-10`. Source: trivy.dev, "SPDX".
  fileprivate mutating func take(builtFrom text: String?) {
    let mark = "built package from: "
    guard let text, text.hasPrefix(mark) else { return }
    let words = text.dropFirst(mark.count).split(separator: " ", maxSplits: 1)
    take(source: words.first.map { String($0) }, version: words.count == 2 ? String(words[1]) : nil)
  }
}
