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
    if names.contains(typed) { return true }
    let small = typed.lowercased()
    return names.contains { $0.lowercased() == small }
  }

  /// GitHub's names are small behind their beginning.
  private static func prefixInCapitals(_ typed: String) -> String {
    let parts = typed.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return typed }
    return "\(parts[0].uppercased())-\(parts[1].lowercased())"
  }
}

enum PackageName {
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
    let ecosystem: String? =
      switch PackageType(rawValue: type) {
      case .pypi: "PyPI"
      case .nuget: "NuGet"
      case .composer: "Packagist"
      default: nil
      }
    guard let ecosystem = ecosystem.map({ Ecosystem(parsing: $0) }) else { return false }
    return ecosystem.normalised(typed) == ecosystem.normalised(name)
  }
}
