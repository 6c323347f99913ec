internal import Ground
internal import Metadata
internal import OCI
internal import Scanning

/// What people and vendors have said of vulnerabilities, as far as it concerns one image.
struct Judgements {
  /// Those of the namespace that are in force and take the image.
  let exceptions: [FindingException]
  private let statements: [(row: VEXRow, target: VEXTarget)]
  private let image: VEXImage

  /// - Parameters:
  ///   - image: under all its names.
  init(exceptions: [FindingException], statements: [VEXRow], image: VEXImage) {
    self.exceptions = exceptions
    self.image = image
    self.statements = statements.compactMap { row in VEXTarget(parsing: row.product).map { (row, $0) } }
  }

  /// Who says that a finding does not count; nil: nobody. An exception counts before a statement: somebody has taken the risk by name.
  func suppression(of finding: ImageFinding) -> ImageFinding.Suppression? {
    if let exception = exceptions.first(where: { $0.takes(finding) }) {
      return .init(
        source: .exception, status: "accepted", reason: exception.reason, author: exception.createdBy,
        reference: String(exception.id))
    }
    // Of several statements the latest counts; one that says “affected” ends what was said before.
    let named = statements.filter { finding.names.contains($0.row.vulnerability) }
    guard !named.isEmpty else { return nil }
    let package = VEXPackage(Component(finding.package), in: image, ownedBy: finding.package.ownedBy)
    let latest = named.filter { statement in
      let isAttached = statement.row.subject.map { image.digests.contains($0) } ?? false
      // What is attached to an image is said of that image alone.
      guard isAttached || statement.row.subject == nil else { return false }
      return statement.target.takes(package, in: image, isAttached: isAttached)
    }.max { $0.row.statedAt < $1.row.statedAt }?.row
    guard let latest, latest.status == "not_affected" || latest.status == "fixed" else { return nil }
    return .init(
      source: .vex, status: latest.status,
      reason: [latest.justification, latest.detail].filter { !$0.isEmpty }.joined(separator: ": "),
      author: latest.author, reference: latest.document)
  }
}

extension VEXRow {
  /// What a document says, a row for each name of a vulnerability and each target.
  ///
  /// - Parameter now: for statements without a time.
  static func rows(
    of document: VEXDocument, named name: String, subject: Digest? = nil, now: Timestamp
  ) -> [VEXRow] {
    document.statements.flatMap { statement -> [VEXRow] in
      let author = statement.author.isEmpty ? document.author : statement.author
      return statement.names.flatMap { vulnerability in
        statement.targets.map(\.description).filter { $0.utf8.count <= productLimitBytes }.map { target in
          VEXRow(
            document: name, subject: subject, vulnerability: vulnerability, product: target,
            status: statement.status.rawValue, justification: statement.justification, detail: statement.detail,
            author: author, statedAt: Timestamp(parsing: statement.stated) ?? now)
        }
      }
    }
  }
}

extension FindingException {
  /// Whether it is about a repository of its namespace.
  func covers(_ repository: RepositoryName) -> Bool {
    pattern.isEmpty || RepositoryPattern(parsing: pattern)?.matches(repository) ?? false
  }

  func takes(_ finding: ImageFinding) -> Bool {
    rule.isEmpty
      && (vulnerability.isEmpty || VulnerabilityName.means(vulnerability, anyOf: finding.names))
      && (package.isEmpty || package == finding.package.sourceName
        || PackageName.means(package, finding.package.name, ofType: finding.package.type))
  }
}
