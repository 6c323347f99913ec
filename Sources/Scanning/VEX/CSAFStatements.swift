internal import OCI

/// Source: CSAF 2.0, sections 3.2.1, 3.2.3 and 4.5.
enum CSAFStatements {
  /// Lists of a vulnerability, with what is said of the products in them.
  private static let lists: [(key: String, status: VEXStatement.Status)] = [
    ("known_not_affected", .notAffected), ("fixed", .fixed), ("first_fixed", .fixed), ("known_affected", .affected),
    ("first_affected", .affected), ("last_affected", .affected), ("under_investigation", .underInvestigation),
  ]

  /// A document that was withdrawn says nothing, and one of another profile than VEX says what it says of products.
  static func document(_ value: JSONValue) throws(ParseError) -> VEXDocument {
    var read = VEXDocument(.csaf)
    let head = value["document"]
    let tracking = head?["tracking"]
    read.id = tracking?["id"]?.string ?? ""
    read.author = head?["publisher"]?["name"]?.string ?? ""
    let written = tracking?["current_release_date"]?.string ?? ""
    let tree = VEXProductTree(value["product_tree"])
    var left = VEXReader.targetLimit
    for vulnerability in value["vulnerabilities"]?.array ?? [] {
      let names = names(vulnerability)
      guard let name = names.first else { continue }
      let remarks = try Remarks(vulnerability, tree, &left)
      for list in lists {
        let products = (vulnerability["product_status"]?[list.key]?.array ?? []).compactMap(\.string)
        guard products.count <= left else { throw VEXReader.tooMany }
        left -= products.count
        for group in grouped(products, list.status, remarks, tree, &read.unnamedProductCount) {
          var statement = VEXStatement(name, list.status, of: group.targets)
          statement.aliases = Array(names.dropFirst())
          statement.justification = group.remark.justification
          statement.detail = group.remark.detail
          statement.author = read.author
          statement.stated = group.remark.date.isEmpty ? written : group.remark.date
          read.statements.append(statement)
        }
      }
    }
    return read
  }

  /// The CVE first. Numbers of trackers are no names of flaws.
  static func names(_ vulnerability: JSONValue) -> [String] {
    var all = [vulnerability["cve"]?.string].compactMap { $0 }.filter { !$0.isEmpty }
    for id in vulnerability["ids"]?.array ?? [] {
      guard let text = id["text"]?.string, text.utf8.contains(UInt8(ascii: "-")), !all.contains(text) else { continue }
      guard let first = text.unicodeScalars.first, first.properties.isAlphabetic, all.count < nameLimit else {
        continue
      }
      all.append(text)
    }
    return all
  }

  private static let nameLimit = 64

  /// Products of a list of which the same is said, in the order of the list.
  private static func grouped(
    _ products: [String], _ status: VEXStatement.Status, _ remarks: Remarks, _ tree: VEXProductTree,
    _ unnamed: inout Int
  ) -> [(remark: Remark, targets: [VEXTarget])] {
    var places: [Remark: Int] = [:]
    var groups: [(remark: Remark, targets: [VEXTarget])] = []
    for product in products {
      guard let target = tree.target(product) else {
        unnamed += 1
        continue
      }
      let remark = status == .notAffected ? remarks.byProduct[product] ?? remarks.ofAll : Remark()
      if let place = places[remark] {
        groups[place].targets.append(target)
      } else {
        places[remark] = groups.count
        groups.append((remark, [target]))
      }
    }
    return groups
  }

  /// Why products are not affected.
  private struct Remark: Hashable {
    var justification = ""
    var detail = ""
    var date = ""
  }

  private struct Remarks {
    /// Of flags and threats that name no products.
    var ofAll = Remark()
    var byProduct: [String: Remark] = [:]

    init(_ vulnerability: JSONValue, _ tree: VEXProductTree, _ left: inout Int) throws(ParseError) {
      for flag in vulnerability["flags"]?.array ?? [] {
        guard let label = flag["label"]?.string else { continue }
        try apply(flag, tree, &left) {
          $0.justification = label
          $0.date = flag["date"]?.string ?? ""
        }
      }
      for threat in vulnerability["threats"]?.array ?? [] where threat["category"]?.string == "impact" {
        // Red Hat writes its rating here.
        guard let text = threat["details"]?.string, Severity.Band(word: text) == .unknown else { continue }
        let detail = VEXReader.shortened(text)
        try apply(threat, tree, &left) { $0.detail = detail }
      }
    }

    private mutating func apply(
      _ entry: JSONValue, _ tree: VEXProductTree, _ left: inout Int, _ change: (inout Remark) -> Void
    ) throws(ParseError) {
      let isOfAll = entry["product_ids"] == nil && entry["group_ids"] == nil
      var lists = [(entry["product_ids"]?.array ?? []).compactMap(\.string)]
      for group in entry["group_ids"]?.array ?? [] {
        lists.append(group.string.flatMap { tree.groups[$0] } ?? [])
      }
      for list in lists {
        guard list.count <= left else { throw VEXReader.tooMany }
        left -= list.count
        for product in list { change(&byProduct[product, default: ofAll]) }
      }
      if isOfAll { change(&ofAll) }
    }
  }
}
