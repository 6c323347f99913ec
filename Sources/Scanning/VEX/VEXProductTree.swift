internal import OCI

/// The products of a document of CSAF as targets of statements.
struct VEXProductTree {
  private let tree: CSAFProductTree

  init(_ value: JSONValue?) { tree = CSAFProductTree(value) }

  var groups: [String: [String]] { tree.groups }

  /// What a name means; nil where nothing in a registry can be recognised by it.
  func target(_ id: String) -> VEXTarget? {
    guard tree.isComponent(id) else { return tree.product(id).flatMap { Self.product($0) }.map { VEXTarget($0) } }
    guard let component = tree.component(id).flatMap({ Self.purl($0) }),
      let whole = tree.whole(id).flatMap({ Self.product($0.product) })
    else {
      // An image of a product is that image, wherever the product is.
      return tree.product(id)?.purl.flatMap { Self.purl($0) }.flatMap { VEXTarget.product($0.description) }
        .map { VEXTarget($0) }
    }
    if component.isImage { return VEXTarget.product(component.description).map { VEXTarget($0) } }
    return VEXTarget(whole, component: component)
  }

  private static func product(_ product: CSAFProductTree.Product) -> VEXTarget.Product? {
    if let purl = product.purl.flatMap({ Self.purl($0) }) { return VEXTarget.product(purl.description) }
    return product.cpe.flatMap { PlatformName(parsing: $0) }.map { .system($0) }
  }

  private static func purl(_ text: String) -> PackageURL? { try? PackageURL(parsing: text) }
}
