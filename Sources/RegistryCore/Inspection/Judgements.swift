internal import Metadata
internal import OCI

/// What people and vendors have said of vulnerabilities, as far as it concerns one image.
struct Judgements {
  /// Those of the namespace that are in force and take the repository.
  let exceptions: [FindingException]
  let statements: [VEXRow]
  let image: Digest

  /// The finding, with who says that it does not count. An exception counts before a statement: somebody has taken the risk by name.
  func applied(to finding: ImageFinding) -> ImageFinding {
    var judged = finding
    if let exception = exceptions.first(where: { $0.takes(finding) }) {
      judged.suppression = .init(
        source: .exception, status: "accepted", reason: exception.reason, author: exception.createdBy,
        reference: String(exception.id))
      return judged
    }
    // Of several statements the latest counts; one that says “affected” ends what was said before.
    let latest = statements.filter { takes($0, finding) }.max { $0.statedAt < $1.statedAt }
    guard let latest, latest.status == "not_affected" || latest.status == "fixed" else { return judged }
    judged.suppression = .init(
      source: .vex, status: latest.status,
      reason: [latest.justification, latest.detail].filter { !$0.isEmpty }.joined(separator: ": "),
      author: latest.author, reference: latest.document)
    return judged
  }

  private func takes(_ statement: VEXRow, _ finding: ImageFinding) -> Bool {
    guard finding.names.contains(statement.vulnerability) else { return false }
    let product = statement.product
    if product.isEmpty { return statement.document == image.description }
    if product.contains(image.description) { return true }
    guard product.hasPrefix("pkg:") else { return false }
    // An image as a product is meant by its digest alone; a package by its name, and its version where the statement has one.
    return PackageProduct(product).map { $0.takes(finding.package) } ?? false
  }
}

/// A package URL as a statement about a package uses it: type, name, and a version perhaps.
struct PackageProduct {
  let type: String
  let name: String
  let version: String?

  /// Nil for what is no package URL.
  init?(_ text: String) {
    guard text.hasPrefix("pkg:") else { return nil }
    var rest = text.dropFirst(4).prefix { $0 != "?" && $0 != "#" }
    guard let slash = rest.firstIndex(of: "/") else { return nil }
    type = String(rest[..<slash]).lowercased()
    rest = rest[rest.index(after: slash)...]
    var path = rest
    if let at = rest.lastIndex(of: "@"), at > rest.startIndex {
      path = rest[..<at]
      version = PercentCoding.decoded(rest[rest.index(after: at)...])
    } else {
      version = nil
    }
    guard let decoded = PercentCoding.decoded(path) else { return nil }
    name = decoded
  }

  func takes(_ package: ImagePackageRow) -> Bool {
    guard type == package.type, version == nil || version == package.version else { return false }
    // Namespaces stand before the name: `debian/curl`, `org.apache/commons`, `@scope/name`.
    if name == package.name || name.hasSuffix("/" + package.name) { return true }
    return package.type == "maven" && name.replacing("/", with: ":") == package.name
  }
}

extension FindingException {
  /// Whether it is about a repository of its namespace.
  func covers(_ repository: RepositoryName) -> Bool {
    pattern.isEmpty || RepositoryPattern(parsing: pattern)?.matches(repository) ?? false
  }

  func takes(_ finding: ImageFinding) -> Bool {
    (vulnerability.isEmpty || finding.names.contains(vulnerability))
      && (package.isEmpty || package == finding.package.name || package == finding.package.sourceName)
  }
}
