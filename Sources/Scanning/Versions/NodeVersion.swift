/// A version as node-semver reads it strictly: three numbers, with what is before a release. Builds count for nothing.
///
/// Source: semver.org 2.0.0; the documentation of node-semver, "Versions".
struct NodeVersion: Sendable, Hashable, Comparable {
  typealias Identifier = SemanticIdentifier

  /// `Number.MAX_SAFE_INTEGER`: a version with a larger number is none.
  static let numberLimit: UInt64 = 1 << 53 - 1

  /// Major, minor, patch.
  var numbers: [UInt64]
  /// Empty for a release.
  var prerelease: [Identifier] = []

  init(_ major: UInt64, _ minor: UInt64, _ patch: UInt64, _ prerelease: [Identifier] = []) {
    numbers = [major, minor, patch]
    self.prerelease = prerelease
  }

  /// Nil for what is no version. A `v` or `=` before it counts for nothing.
  init?(parsing text: some StringProtocol) {
    guard let partial = NodePartial(text), partial.numbers.count == 3 else { return nil }
    numbers = partial.numbers
    prerelease = partial.prerelease
  }

  /// What comes before every other version of the same numbers.
  static let first = [Identifier.number(.zero)]

  /// The version that comes right after it: none is between them.
  var successor: NodeVersion {
    prerelease.isEmpty
      ? NodeVersion(numbers[0], numbers[1], numbers[2] + 1, Self.first)
      : NodeVersion(numbers[0], numbers[1], numbers[2], prerelease + Self.first)
  }

  static func < (a: NodeVersion, b: NodeVersion) -> Bool {
    if a.numbers != b.numbers { return a.numbers.lexicographicallyPrecedes(b.numbers) }
    if a.prerelease.isEmpty || b.prerelease.isEmpty { return !a.prerelease.isEmpty && b.prerelease.isEmpty }
    return a.prerelease.lexicographicallyPrecedes(b.prerelease)
  }
}

extension NodeVersion: CustomStringConvertible {
  var description: String {
    let core = numbers.map(String.init).joined(separator: ".")
    guard !prerelease.isEmpty else { return core }
    let identifiers = prerelease.map { identifier in
      switch identifier {
      case .number(let digits): digits.isZero ? "0" : String(decoding: digits.bytes, as: UTF8.self)
      case .text(let text): String(decoding: text, as: UTF8.self)
      }
    }
    return "\(core)-\(identifiers.joined(separator: "."))"
  }
}

/// A version of which the last numbers may be missing, or stand for any: `1.2`, `1.x`, `*`.
struct NodePartial: Sendable {
  /// Three at the most; those after the first that stands for any are left out.
  let numbers: [UInt64]
  let prerelease: [NodeVersion.Identifier]

  init?(_ text: some StringProtocol) {
    var rest = Array(text.utf8)[...]
    while let byte = rest.first, [UInt8(ascii: "v"), UInt8(ascii: "="), 0x20, 0x09].contains(byte) {
      rest = rest.dropFirst()
    }
    if let plus = rest.firstIndex(of: UInt8(ascii: "+")) {
      guard Self.identifiers(rest[(plus + 1)...]) != nil else { return nil }
      rest = rest[..<plus]
    }
    let core = rest.prefix { $0 != UInt8(ascii: "-") }
    var prerelease: [NodeVersion.Identifier] = []
    if core.count < rest.count {
      guard let found = Self.identifiers(rest.dropFirst(core.count + 1)) else { return nil }
      prerelease = found
    }
    let parts = core.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count <= 3 else { return nil }
    var numbers: [UInt64] = []
    var isAny = false
    for part in parts {
      if part.count == 1, let only = part.first,
        [UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "*")].contains(only)
      {
        isAny = true
        continue
      }
      guard let number = Self.number(part) else { return nil }
      if !isAny { numbers.append(number) }
    }
    guard prerelease.isEmpty || parts.count == 3 else { return nil }
    self.numbers = numbers
    self.prerelease = numbers.count == 3 ? prerelease : []
  }

  init(_ numbers: [UInt64]) {
    self.numbers = numbers
    prerelease = []
  }

  /// Without zeros before it.
  private static func number(_ part: ArraySlice<UInt8>) -> UInt64? {
    guard (1...16).contains(part.count), part.allSatisfy(\.isDecimal),
      part.count == 1 || part.first != UInt8(ascii: "0"),
      let number = UInt64(String(decoding: part, as: UTF8.self)), number <= NodeVersion.numberLimit
    else { return nil }
    return number
  }

  /// Nil when one of them is empty or has what none may have.
  private static func identifiers(_ bytes: ArraySlice<UInt8>) -> [NodeVersion.Identifier]? {
    let found = SemanticIdentifier.list(bytes)
    return found.allSatisfy(\.isStrict) ? found : nil
  }
}
