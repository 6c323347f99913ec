internal import Metadata
internal import Scanning

// Names as people type them, and as they are stored.

enum VulnerabilityName {
  /// A name as it was typed, and as those write it who give such names: `CVE-2024-3094`, `GHSA-35jh-r3h4-6jhm`.
  static func spellings(of typed: String) -> [String] {
    var spellings = [typed]
    for other in [typed.uppercased(), prefixInCapitals(typed)] where !spellings.contains(other) {
      spellings.append(other)
    }
    return spellings
  }

  /// Whether what was typed is one of some names, in whatever case.
  static func means(_ typed: String, anyOf names: [String]) -> Bool {
    names.contains { name in
      name.utf8.count == typed.utf8.count && zip(name.utf8, typed.utf8).allSatisfy { small($0) == small($1) }
    }
  }

  static func isCVE(_ name: String) -> Bool { name.hasPrefix("CVE-") }

  /// The CVE that the name of a record has in it: `UBUNTU-CVE-2024-3094`.
  static func cve(in name: String) -> String? {
    let parts = name.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard let place = parts.firstIndex(where: { $0.elementsEqual("CVE".utf8) }), place + 2 < parts.count else {
      return nil
    }
    let (year, number) = (parts[place + 1], parts[place + 2].prefix(while: isDigit))
    guard !year.isEmpty, year.allSatisfy(isDigit), !number.isEmpty else { return nil }
    return "CVE-\(Substring(year))-\(Substring(number))"
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func small(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

  /// GitHub's names are small behind their beginning.
  private static func prefixInCapitals(_ typed: String) -> String {
    let parts = typed.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return typed }
    return "\(parts[0].uppercased())-\(parts[1].lowercased())"
  }
}

enum PackageName {
  /// The versions of packages that a typed name means, each once. `lodash.merge` of npm is another than `lodash-merge`.
  static func versions<R: Reading & ~Copyable>(
    of typed: String, _ transaction: borrowing R
  ) throws -> [(key: Int64, type: String, version: String)] {
    var seen: Set<Int64> = []
    return try transaction.packageVersions(named: spellings(of: typed)).compactMap { found in
      guard means(typed, found.name, ofType: found.type), seen.insert(found.key).inserted else { return nil }
      return (found.key, found.type, found.version)
    }
  }

  /// A name as it was typed, in small letters, and as Python compares names.
  static func spellings(of typed: String) -> [String] {
    var spellings = [typed]
    for other in [typed.lowercased(), Ecosystem(parsing: "PyPI").normalised(typed)] where !spellings.contains(other) {
      spellings.append(other)
    }
    return spellings
  }

  /// Whether a package of a type is called so, as its ecosystem compares names.
  static func means(_ typed: String, _ name: String, ofType type: String) -> Bool {
    if typed == name { return true }
    let kind = PackageType(rawValue: type)
    // Distributions have no two packages whose names differ by this.
    if kind?.isOperatingSystem ?? false { return typed.lowercased() == name.lowercased() }
    let ecosystem: String? =
      switch kind {
      case .pypi: "PyPI"
      case .nuget: "NuGet"
      case .composer: "Packagist"
      default: nil
      }
    guard let ecosystem = ecosystem.map({ Ecosystem(parsing: $0) }) else { return false }
    return ecosystem.normalised(typed) == ecosystem.normalised(name)
  }
}
