/// Which repositories something is about: `*`, `acme/*`, `acme/api`, `acme/web-*`.
///
/// A star stands for any text, slashes too. Everything else stands for itself.
public struct RepositoryPattern: Sendable, Hashable, CustomStringConvertible {
  public static let lengthLimitBytes = 255
  /// Each costs time, and no pattern needs more.
  public static let starLimit = 8

  public let text: String
  public var description: String { text }

  public static let everything = RepositoryPattern(valid: "*")

  private init(valid text: String) { self.text = text }

  /// Nil when it could never match a repository.
  public init?(parsing text: String) {
    guard (1...Self.lengthLimitBytes).contains(text.utf8.count) else { return nil }
    let isPlain = text.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || [0x2A, 0x2D, 0x2E, 0x2F, 0x5F].contains(byte)
    }
    guard isPlain, text.utf8.count(where: { $0 == 0x2A }) <= Self.starLimit, !text.hasPrefix("/"), !text.contains("//")
    else { return nil }
    self.text = text
  }

  public func matches(_ repository: RepositoryName) -> Bool {
    text == "*" || Glob.matches(repository.text, text)
  }

  /// Whether it can match nothing outside of a namespace.
  public func staysIn(_ namespace: String) -> Bool {
    text == namespace || text.hasPrefix(namespace + "/")
  }

  /// How much of it is not a star: of several patterns that take a repository, the one that says most decides.
  public var weight: Int { text.utf8.count { $0 != 0x2A } }

  /// The namespace that all its repositories are in; nil when they may be in several.
  public var namespace: String? {
    let first = text.prefix { $0 != "/" }
    return first.contains("*") ? nil : String(first)
  }
}
