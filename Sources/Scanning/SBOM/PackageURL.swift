public import OCI

/// A package URL: the name of a package that tools of all kinds understand.
///
/// A value that exists is canonical: the type is in lower case, names are spelled as the type has them, empty parts are gone. Two
/// that mean the same package are equal.
///
/// Source: purl-spec (ECMA-427), "Rules for each purl component"; the definitions of types.
public struct PackageURL: Sendable, Hashable {
  /// `deb`, `npm`. Types that we know nothing of are kept as they are.
  public let type: String
  /// Its segments; for npm the scope with its `@`.
  public let namespace: [String]
  public let name: String
  public let version: String?
  public let qualifiers: [String: String]
  public let subpath: [String]

  /// Of a text. The longest in use carry an address to download from.
  public static let limitBytes = 8 << 10

  /// - Parameter qualifiers: keys in any case; those without a value are left out.
  /// - Returns: nil when the type, the name or a key cannot stand in a package URL.
  public init?(
    type: String, namespace: [String] = [], name: String, version: String? = nil, qualifiers: [String: String] = [:],
    subpath: [String] = []
  ) {
    let type = type.lowercased()
    guard Self.isWord(type, also: ".-+"), !name.isEmpty else { return nil }
    let namespace = namespace.filter { !$0.isEmpty }
    guard !(namespace + subpath).contains(where: { $0.utf8.contains(UInt8(ascii: "/")) }) else { return nil }
    var kept: [String: String] = [:]
    for (key, value) in qualifiers where !value.isEmpty {
      let key = key.lowercased()
      guard Self.isWord(key, also: ".-_"), kept.updateValue(value, forKey: key) == nil else { return nil }
    }
    self.type = type
    self.namespace = Self.foldsNamespace(type) ? namespace.map { $0.lowercased() } : namespace
    self.name = Self.normalised(name, type)
    self.version = version.flatMap { $0.isEmpty ? nil : type == "oci" ? $0.lowercased() : $0 }
    self.qualifiers = kept
    self.subpath = subpath.filter { !$0.isEmpty && $0 != "." && $0 != ".." }
  }

  /// Reads `pkg:type/namespace/name@version?qualifiers#subpath`.
  ///
  /// What writers commonly leave unescaped is understood: the `@` of a scope, slashes and `+` in versions and qualifiers.
  ///
  /// - Throws: kind `.parameter` for what is no package URL, or has more than ``limitBytes`` bytes.
  /// - Source: purl-spec, "How to parse a PURL".
  public init(parsing text: some StringProtocol) throws(ParseError) {
    guard let parsed = Self.parsed(String(text)) else {
      let shown = text.unicodeScalars.prefix(64).map { $0.escaped(asASCII: true) }.joined()
      throw ParseError(.parameter, "“\(shown)” is not a package URL.")
    }
    self = parsed
  }
}

extension PackageURL: CustomStringConvertible {
  /// The canonical text, in ASCII.
  public var description: String {
    var text = "pkg:\(type)/"
    for segment in namespace { text += Self.encoded(segment) + "/" }
    text += Self.encoded(name)
    if let version { text += "@" + Self.encoded(version) }
    let pairs = qualifiers.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.encoded($0.value))" }
    if !pairs.isEmpty { text += "?" + pairs.joined(separator: "&") }
    if !subpath.isEmpty { text += "#" + subpath.map { Self.encoded($0) }.joined(separator: "/") }
    return text
  }

  /// The colon alone of the marks that URLs reserve stands as it is.
  private static func encoded(_ text: String) -> String { PercentCoding.encoded(text).replacing("%3A", with: ":") }
}

// MARK: - What types ask for

extension PackageURL {
  private static func foldsNamespace(_ type: String) -> Bool {
    switch type {
    case "rpm": true
    case "maven", "generic", "nuget", "cargo", "gem": false
    default: foldsName(type)
    }
  }

  private static func foldsName(_ type: String) -> Bool {
    switch type {
    case "deb", "apk", "alpm", "pypi", "npm", "golang", "composer", "oci", "github", "gitlab", "bitbucket", "bitnami",
      "hex", "pub":
      true
    default: false
    }
  }

  private static func normalised(_ name: String, _ type: String) -> String {
    let name = foldsName(type) ? name.lowercased() : name
    return type == "pypi" ? name.replacing("_", with: "-") : name
  }

  /// ASCII letters and digits, a letter first.
  private static func isWord(_ text: String, also marks: String) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
    guard let first = text.utf8.first, isLetter(first) else { return false }
    return text.utf8.allSatisfy { isLetter($0) || $0 &- 0x30 < 10 || marks.utf8.contains($0) }
  }
}

// MARK: - Reading

extension PackageURL {
  private typealias Bytes = Substring.UTF8View

  private static func parsed(_ text: String) -> PackageURL? {
    guard text.utf8.count <= limitBytes else { return nil }
    var rest = Substring(text).utf8
    let subpath = take(after: "#", of: &rest).map { segments($0) } ?? []
    let query = take(after: "?", of: &rest)
    guard let scheme = rest.firstIndex(of: UInt8(ascii: ":")), Substring(rest[..<scheme]).lowercased() == "pkg" else {
      return nil
    }
    rest = rest[scheme...].dropFirst().drop { $0 == UInt8(ascii: "/") }
    guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
    let type = String(Substring(rest[..<slash]))
    rest = rest[slash...].drop { $0 == UInt8(ascii: "/") }
    var version: String?
    // An `@` that begins a segment is that of a scope.
    if let at = rest.lastIndex(of: UInt8(ascii: "@")), at > rest.startIndex,
      rest[rest.index(before: at)] != UInt8(ascii: "/")
    {
      guard let decoded = PercentCoding.decoded(Substring(rest[at...].dropFirst())) else { return nil }
      version = decoded
      rest = rest[..<at]
    }
    guard var path = segments(rest), let name = path.popLast(), let subpath, let qualifiers = pairs(query) else {
      return nil
    }
    return PackageURL(
      type: type, namespace: path, name: name, version: version, qualifiers: qualifiers, subpath: subpath)
  }

  /// What stands behind the last of a mark, and takes it away; nil without one.
  private static func take(after mark: Unicode.Scalar, of bytes: inout Bytes) -> Bytes? {
    guard let place = bytes.lastIndex(of: UInt8(truncatingIfNeeded: mark.value)) else { return nil }
    defer { bytes = bytes[..<place] }
    return bytes[place...].dropFirst()
  }

  /// Nil when an escape is broken.
  private static func segments(_ bytes: Bytes) -> [String]? {
    var found: [String] = []
    for part in bytes.split(separator: UInt8(ascii: "/")) {
      guard let decoded = PercentCoding.decoded(Substring(part)) else { return nil }
      found.append(decoded)
    }
    return found
  }

  private static func pairs(_ query: Bytes?) -> [String: String]? {
    var found: [String: String] = [:]
    for part in query?.split(separator: UInt8(ascii: "&")) ?? [] {
      guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let key = Substring(part[..<equals]).lowercased()
      guard let value = PercentCoding.decoded(Substring(part[equals...].dropFirst())) else { return nil }
      // Of a key that stands there twice nobody can say which is meant.
      guard found.updateValue(value, forKey: key) == nil else { return nil }
    }
    return found
  }
}
