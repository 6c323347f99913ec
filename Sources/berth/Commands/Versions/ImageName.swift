import ArgumentParser
import OCI

/// A repository with a tag or a digest, as people write it: `acme/api:2.3`, `acme/api@sha256:…`.
struct ImageName: ExpressibleByArgument {
  let repository: RepositoryName
  let reference: Reference

  init?(argument: String) {
    if let at = argument.firstIndex(of: "@") {
      // `acme/api:2.3@sha256:…` means the digest.
      let name = argument[..<at].prefix { $0 != ":" }
      guard let repository = try? RepositoryName(parsing: name),
        let digest = try? Digest(parsing: argument[argument.index(after: at)...])
      else { return nil }
      self.repository = repository
      reference = .digest(digest)
      return
    }
    guard let colon = argument.lastIndex(of: ":"), let repository = try? RepositoryName(parsing: argument[..<colon]),
      let tag = try? Tag(parsing: argument[argument.index(after: colon)...])
    else { return nil }
    self.repository = repository
    reference = .tag(tag)
  }

  /// The tag that was named.
  func tag() throws -> Tag {
    guard case .tag(let tag) = reference else { throw ValidationError("name a tag, such as acme/api:2.3") }
    return tag
  }
}

extension RepositoryName {
  /// Where the API has what belongs to the repository.
  var apiPath: String { "/api/v1/repositories/\(text)/-" }
}
