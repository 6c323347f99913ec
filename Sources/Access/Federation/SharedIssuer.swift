/// An issuer that gives tokens to everybody's jobs: a rule that names a branch there, and nobody, trusts the world.
struct SharedIssuer: Sendable {
  let url: String
  /// Claims that tell whose a job is, and what comes before the owner in them.
  let owners: [(claim: String, prefix: String)]

  /// The issuers whose shapes docs/access.md shows.
  static let known = [
    SharedIssuer(
      url: "https://token.actions.githubusercontent.com",
      owners: [
        ("repository", ""), ("repository_owner", ""), ("repository_id", ""), ("repository_owner_id", ""),
        ("sub", "repo:"),
      ]),
    SharedIssuer(
      url: "https://gitlab.com",
      owners: [
        ("project_path", ""), ("namespace_path", ""), ("project_id", ""), ("namespace_id", ""),
        ("sub", "project_path:"),
      ]),
  ]

  /// Whether one of the claims says whose jobs are meant: without a star, or with one only behind an owner and a slash, since
  /// `acme*` is `acme-evil` too.
  func tellsOwner(_ claims: [(String, String)]) -> Bool {
    claims.contains { name, pattern in
      owners.contains { owner in
        guard owner.claim == name, pattern.hasPrefix(owner.prefix) else { return false }
        let literal = pattern.dropFirst(owner.prefix.count).prefix { $0 != "*" }
        let isWhole = !pattern.contains("*") && !literal.isEmpty
        return isWhole || literal.firstIndex(of: "/").map { $0 > literal.startIndex } ?? false
      }
    }
  }
}
