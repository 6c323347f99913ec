import ArgumentParser
import OCI

/// An image on the command line: `acme/api:2.3`, `acme/api@sha256:…`.
struct ImageName: ExpressibleByArgument {
  let image: ImageReference

  init?(argument: String) {
    guard let image = try? ImageReference(parsing: argument) else { return nil }
    self.image = image
  }

  init(_ repository: RepositoryName, _ digest: Digest) { image = ImageReference(repository, .digest(digest)) }

  var repository: RepositoryName { image.repository }
  var reference: Reference { image.reference }

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
