public import OCI

// Documents as they are sent from one machine to another.
extension CSAFReader {
  /// A document in one line, without what nothing is read of: mostly all the products that are not affected, which make most of it.
  ///
  /// ``advisories(_:)-(UnsafeRawBufferPointer)`` says the same of the line and of the document.
  ///
  /// - Returns: nil for what lies beside documents where they are published.
  /// - Throws: as ``advisories(_:)-(UnsafeRawBufferPointer)``.
  public static func line(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> [UInt8]? {
    guard bytes.count <= documentLimitBytes else { throw tooLarge }
    let document = try value(bytes)
    _ = try advisories(document)
    guard recognises(document) else { return nil }
    let flaws = document["vulnerabilities"]?.array ?? []
    let named = Set(flaws.flatMap { CSAFAffected.products($0) })
    var line: JSONObject = [:]
    line.append("document", head(document["document"]))
    line.append("product_tree", tree(document["product_tree"], named))
    line.append("vulnerabilities", .array(flaws.map { vulnerability($0, named) }))
    return JSONValue.object(line).bytes + [UInt8(ascii: "\n")]
  }

  private static func head(_ head: JSONValue?) -> JSONValue {
    changing(picked(head, ["category", "title", "publisher", "tracking", "aggregate_severity", "references"])) {
      member in
      switch member.key {
      case "publisher": picked(member.value, ["name", "namespace"])
      case "tracking": picked(member.value, ["id", "status", "current_release_date", "initial_release_date"])
      case "references": .array((member.value.array ?? []).filter { $0["category"]?.string == "self" })
      default: member.value
      }
    }
  }

  private static func tree(_ tree: JSONValue?, _ named: Set<String>) -> JSONValue {
    guard let tree else { return [:] }
    var relations: [String: JSONValue] = [:]
    for relation in tree["relationships"]?.array ?? [] {
      guard let id = relation["full_product_name"]?["product_id"]?.string else { continue }
      relations[id] = relation
    }
    var wanted: Set<String> = []
    var waiting = Array(named)
    while let id = waiting.popLast() {
      guard wanted.insert(id).inserted, let relation = relations[id] else { continue }
      waiting += ["product_reference", "relates_to_product_reference"].compactMap { relation[$0]?.string }
    }
    func isWanted(_ product: JSONValue?) -> Bool { product?["product_id"]?.string.map { wanted.contains($0) } ?? false }
    return [
      "full_product_names": .array(CSAFProductTree.named(tree).filter { isWanted($0) }),
      "relationships": .array((tree["relationships"]?.array ?? []).filter { isWanted($0["full_product_name"]) }),
      "product_groups": .array((tree["product_groups"]?.array ?? []).map { listing($0, named) }),
    ]
  }

  private static func vulnerability(_ flaw: JSONValue, _ named: Set<String>) -> JSONValue {
    let parts = [
      "cve", "ids", "title", "notes", "product_status", "threats", "remediations", "scores", "references",
    ]
    return changing(picked(flaw, parts)) { member in
      let all = member.value.array ?? []
      switch member.key {
      case "notes": return .array(note(of: flaw).map { [$0] } ?? [])
      case "product_status": return picked(member.value, CSAFAffected.lists)
      case "threats":
        return .array(all.map { listing(picked($0, ["category", "details", "product_ids", "group_ids"]), named) })
      case "remediations": return .array(all.map { remediation($0, named) })
      case "scores": return .array(all.map { picked($0, ["cvss_v2", "cvss_v3", "cvss_v4"]) })
      case "references": return .array(all.prefix(referenceLimit).map { picked($0, ["url"]) })
      default: return member.value
      }
    }
  }

  /// Of an update the address alone is read.
  private static func remediation(_ entry: JSONValue, _ named: Set<String>) -> JSONValue {
    guard CSAFSayings.state(entry) != nil else { return picked(entry, ["url"]) }
    return listing(picked(entry, ["category", "details", "url", "product_ids", "group_ids"]), named)
  }

  /// An entry whose list of products holds no others than those.
  private static func listing(_ entry: JSONValue, _ named: Set<String>) -> JSONValue {
    changing(entry) { member in
      guard member.key == "product_ids" else { return member.value }
      return .array((member.value.array ?? []).filter { $0.string.map { named.contains($0) } ?? false })
    }
  }

  private static func picked(_ value: JSONValue?, _ keys: [String]) -> JSONValue {
    .object(JSONObject((value?.object?.members ?? []).filter { keys.contains($0.key) }))
  }

  private static func changing(_ value: JSONValue, _ change: (JSONObject.Member) -> JSONValue) -> JSONValue {
    guard let members = value.object?.members else { return value }
    return .object(JSONObject(members.map { .init(key: $0.key, value: change($0)) }))
  }
}
