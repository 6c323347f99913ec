internal import OCI

/// The products of a document of CSAF, by the names that its statements use.
///
/// Source: CSAF 2.0, section 3.2.2.
struct VEXProductTree {
  private struct Product {
    var purl: PackageURL?
    var platform: PlatformName?
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

  /// Of products that are installed in products, in turn.
  private static let stepLimit = 8

  init(_ tree: JSONValue?) {
    guard let tree else { return }
    for product in tree["full_product_names"]?.array ?? [] { add(product) }
    var waiting: [JSONValue] = tree["branches"]?.array ?? []
    while let branch = waiting.popLast() {
      if let product = branch["product"] { add(product) }
      waiting.append(contentsOf: branch["branches"]?.array ?? [])
    }
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

  private mutating func add(_ product: JSONValue) {
    guard let id = product["product_id"]?.string else { return }
    let helper = product["product_identification_helper"]
    products[id] = Product(
      purl: helper?["purl"]?.string.flatMap { try? PackageURL(parsing: $0) },
      platform: helper?["cpe"]?.string.flatMap { PlatformName(parsing: $0) })
  }

  /// What a name means; nil where nothing in a registry can be recognised by it.
  func target(_ id: String) -> VEXTarget? {
    guard let relation = relations[id] else { return products[id].flatMap { Self.product($0) }.map { VEXTarget($0) } }
    guard let component = component(of: relation), let whole = whole(of: relation) else {
      // An image of a product is that image, wherever the product is.
      return products[id]?.purl.flatMap { VEXTarget.product($0.description) }.map { VEXTarget($0) }
    }
    if component.isImage { return VEXTarget.product(component.description).map { VEXTarget($0) } }
    return VEXTarget(whole, component: component)
  }

  private static func product(_ product: Product) -> VEXTarget.Product? {
    if let purl = product.purl { return VEXTarget.product(purl.description) }
    return product.platform.map { .system($0) }
  }

  private func component(of relation: Relation) -> PackageURL? {
    var id = relation.part
    for _ in 0..<Self.stepLimit {
      if let purl = products[id]?.purl { return purl }
      guard let next = relations[id] else { return nil }
      id = next.part
    }
    return nil
  }

  private func whole(of relation: Relation) -> VEXTarget.Product? {
    var id = relation.whole
    for _ in 0..<Self.stepLimit {
      if let next = relations[id] {
        id = next.whole
      } else {
        return products[id].flatMap { Self.product($0) }
      }
    }
    return nil
  }
}
