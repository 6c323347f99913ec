/// The family of packages that an advisory speaks of, with its release where it has one: `PyPI`, `Debian:12`, `Alpine:v3.18`.
///
/// Source: OSV schema, "affected[].package field".
public struct Ecosystem: Sendable, Hashable, CustomStringConvertible {
  /// Before the first colon.
  public let name: String
  /// After it; nil when there is none.
  public let release: String?

  public init(_ name: String, release: String? = nil) {
    self.name = name
    self.release = release
  }

  /// Reads `NAME` or `NAME:RELEASE`. Every text is one: an ecosystem that we do not know has no order of versions.
  public init(parsing text: some StringProtocol) {
    if let colon = text.firstIndex(of: ":") {
      name = String(text[..<colon])
      release = String(text[text.index(after: colon)...])
    } else {
      name = String(text)
      release = nil
    }
  }

  public var description: String { release.map { "\(name):\($0)" } ?? name }
}
