internal import OCI

/// The products of a document of CSAF, by the names that the rest of it uses.
///
/// Source: CSAF 2.0, section 3.2.2.
struct CSAFProductTree {
  struct Product {
    var name = ""
    var purl: String?
    var cpe: String?
  }

  private struct Relation {
    /// What is installed.
    let part: String
    /// Where.
    let whole: String
  }

  private var products: [String: Product] = [:]
  private var relations: [String: Relation] = [:]
  private(set) var groups: [String: [String]] = [:]

  /// Of products that are installed in products, in turn. A circle of them ends here too.
  private static let stepLimit = 8

  init(_ tree: JSONValue?) {
    guard let tree else { return }
    for product in Self.named(tree) { add(product) }
    for relation in tree["relationships"]?.array ?? [] {
      guard let name = relation["full_product_name"], let id = name["product_id"]?.string,
        let part = relation["product_reference"]?.string, let whole = relation["relates_to_product_reference"]?.string
      else { continue }
      add(name)
      relations[id] = Relation(part: part, whole: whole)
    }
    for group in tree["product_groups"]?.array ?? [] {
      guard let id = group["group_id"]?.string else { continue }
      groups[id] = (group["product_ids"]?.array ?? []).compactMap(\.string)
    }
  }

  /// The products that stand in a tree by themselves.
  static func named(_ tree: JSONValue) -> [JSONValue] {
    var found = tree["full_product_names"]?.array ?? []
    var waiting: [JSONValue] = tree["branches"]?.array ?? []
    while let branch = waiting.popLast() {
      if let product = branch["product"] { found.append(product) }
      waiting.append(contentsOf: branch["branches"]?.array ?? [])
    }
    return found
  }

  private mutating func add(_ product: JSONValue) {
    guard let id = product["product_id"]?.string else { return }
    let helper = product["product_identification_helper"]
    products[id] = Product(
      name: product["name"]?.string ?? "", purl: helper?["purl"]?.string, cpe: helper?["cpe"]?.string)
  }

  /// What stands in the tree under a name.
  func product(_ id: String) -> Product? { products[id] }

  /// Whether a name is that of one product in another.
  func isComponent(_ id: String) -> Bool { relations[id] != nil }

  /// The package URL of what is installed.
  func component(_ id: String) -> String? {
    var id = relations[id]?.part
    for _ in 0..<Self.stepLimit {
      guard let part = id else { return nil }
      if let purl = products[part]?.purl { return purl }
      id = relations[part]?.part
    }
    return nil
  }

  /// The product that everything is in, and what is installed between it and the component.
  func whole(_ id: String) -> (product: Product, between: [Product])? {
    guard var id = relations[id]?.whole else { return nil }
    var between: [Product] = []
    for _ in 0..<Self.stepLimit {
      guard let next = relations[id] else { return products[id].map { ($0, between) } }
      if let part = products[next.part] { between.append(part) }
      id = next.whole
    }
    return nil
  }
}
