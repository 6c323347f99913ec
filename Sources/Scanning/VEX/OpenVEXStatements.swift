internal import OCI

/// Source: OpenVEX 0.2.0 and, for products and flaws that are texts, 0.0.2.
enum OpenVEXStatements {
  /// - Parameter subjects: what the attestation of the document is about.
  static func document(_ value: JSONValue, subjects: [Digest]) throws(ParseError) -> VEXDocument {
    guard let entries = value["statements"]?.array else { throw ParseError(.json, "The document has no statements.") }
    var read = VEXDocument(.openVEX)
    read.id = value["@id"]?.string ?? ""
    read.author = value["author"]?.string ?? ""
    let written = value["last_updated"]?.string ?? value["timestamp"]?.string ?? ""
    var left = VEXReader.targetLimit
    for entry in entries {
      guard let status = entry["status"]?.string.flatMap({ VEXStatement.Status(rawValue: $0) }),
        let names = names(entry["vulnerability"]), let vulnerability = names.first
      else { continue }
      let targets = try targets(entry, subjects, &left, &read.unnamedProductCount)
      guard !targets.isEmpty else { continue }
      var statement = VEXStatement(vulnerability, status, of: targets)
      statement.aliases = Array(names.dropFirst())
      statement.justification = entry["justification"]?.string ?? ""
      let detail = ["impact_statement", "action_statement", "status_notes"].lazy
        .compactMap { entry[$0]?.string }.first { !$0.isEmpty }
      statement.detail = VEXReader.shortened(detail ?? "")
      statement.author = read.author
      statement.stated = entry["last_updated"]?.string ?? entry["timestamp"]?.string ?? written
      read.statements.append(statement)
    }
    return read
  }

  /// The name first, then the aliases. An address stands for its last part.
  private static func names(_ value: JSONValue?) -> [String]? {
    guard let value else { return nil }
    if let text = value.string { return text.isEmpty ? nil : [text] }
    let address = value["@id"]?.string?.split(separator: "/").last.map { String($0) }
    guard let name = value["name"]?.string ?? address, !name.isEmpty else { return nil }
    var all = [name]
    for alias in value["aliases"]?.array ?? [] {
      if let text = alias.string, !text.isEmpty, text != name { all.append(text) }
    }
    return all
  }

  private static func targets(
    _ entry: JSONValue, _ subjects: [Digest], _ left: inout Int, _ unnamed: inout Int
  ) throws(ParseError) -> [VEXTarget] {
    var found: [VEXTarget] = []
    let listed = entry["products"]?.array ?? []
    // Without products a statement is about what the document is attached to.
    let attached: [VEXTarget.Product] = subjects.isEmpty ? [.attached] : subjects.map { .digest($0) }
    let shared = entry["subcomponents"]?.array ?? []
    if listed.isEmpty {
      try add(attached, shared, to: &found, &left, &unnamed)
    }
    for product in listed {
      let products = identifiers(product).compactMap { VEXTarget.product($0) }
      if products.isEmpty {
        unnamed += 1
      } else {
        try add(distinct(products), product["subcomponents"]?.array ?? shared, to: &found, &left, &unnamed)
      }
    }
    return found
  }

  /// Each component in each product; the products themselves where there are no components.
  private static func add(
    _ products: [VEXTarget.Product], _ components: [JSONValue], to found: inout [VEXTarget], _ left: inout Int,
    _ unnamed: inout Int
  ) throws(ParseError) {
    var purls: [PackageURL?] = components.isEmpty ? [nil] : []
    for component in components {
      let purl = identifiers(component).lazy.compactMap { try? PackageURL(parsing: $0) }.first
      if let purl { purls.append(purl) } else { unnamed += 1 }
    }
    guard purls.count <= left / max(1, products.count) else { throw VEXReader.tooMany }
    left -= purls.count * products.count
    for product in products { found += purls.map { VEXTarget(product, component: $0) } }
  }

  /// How a product or component is named: the package URL before the digest, the digest before the rest.
  private static func identifiers(_ value: JSONValue) -> [String] {
    if let text = value.string { return [text] }
    var found = [value["identifiers"]?["purl"]?.string, value["@id"]?.string]
    found.append(value["hashes"]?["sha-256"]?.string.map { "sha256:\($0.lowercased())" })
    found.append(value["identifiers"]?["cpe22"]?.string)
    found.append(value["identifiers"]?["cpe23"]?.string)
    return found.compactMap { $0 }
  }

  /// Beside a digest the name of a repository says where the image lies, and means no other of it.
  private static func distinct(_ products: [VEXTarget.Product]) -> [VEXTarget.Product] {
    let hasDigest = products.contains { if case .digest = $0 { true } else { false } }
    var seen: Set<VEXTarget.Product> = []
    return products.filter { product in
      if hasDigest, case .image = product { return false }
      return seen.insert(product).inserted
    }
  }
}
