/// An image by its name and its tag or digest: `acme/api:2.3`, `acme/api@sha256:…`.
public struct ImageReference: Sendable, Hashable, CustomStringConvertible {
  public let repository: RepositoryName
  public let reference: Reference

  public init(_ repository: RepositoryName, _ reference: Reference) {
    self.repository = repository
    self.reference = reference
  }

  /// - Throws: kind `.reference` without a tag or digest; the errors of ``RepositoryName``, ``Tag`` and ``Digest``.
  public init(parsing text: String) throws(ParseError) {
    if let mark = text.firstIndex(of: "@") {
      // `acme/api:2.3@sha256:…` means the digest.
      repository = try RepositoryName(parsing: text[..<mark].prefix { $0 != ":" })
      reference = .digest(try Digest(parsing: text[text.index(after: mark)...]))
    } else if let mark = text.lastIndex(of: ":") {
      repository = try RepositoryName(parsing: text[..<mark])
      reference = .tag(try Tag(parsing: text[text.index(after: mark)...]))
    } else {
      throw ParseError(.reference, "The image has no tag and no digest: expected name:tag or name@digest.")
    }
  }

  public var description: String {
    switch reference {
    case .tag(let tag): "\(repository):\(tag)"
    case .digest(let digest): "\(repository)@\(digest)"
    }
  }
}
