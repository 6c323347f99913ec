public import Access
public import Metadata
public import OCI

/// What differs between what is in two images, and between what is wrong with them.
public struct ContentDifference: Sendable {
  /// A package that both have in other versions.
  public struct Changed: Sendable, Hashable {
    public let type: String
    public let name: String
    public let from: [String]
    public let to: [String]
  }

  public internal(set) var added: [ImagePackageRow] = []
  public internal(set) var removed: [ImagePackageRow] = []
  public internal(set) var changed: [Changed] = []
  /// Findings of the new image alone; those that do not count are left out.
  public internal(set) var introduced: [ImageFinding] = []
  /// Findings of the old image alone, likewise.
  public internal(set) var fixed: [ImageFinding] = []

  private struct Name: Hashable, Comparable {
    let type: String
    let name: String
    static func < (a: Name, b: Name) -> Bool { (a.type, a.name) < (b.type, b.name) }
  }

  init(
    from old: (packages: [ImagePackageRow], findings: [ImageFinding]),
    to new: (packages: [ImagePackageRow], findings: [ImageFinding])
  ) {
    func byName(_ packages: [ImagePackageRow]) -> [Name: [ImagePackageRow]] {
      Dictionary(grouping: packages) { Name(type: $0.type, name: $0.name) }
    }
    let (before, after) = (byName(old.packages), byName(new.packages))
    for name in Set(before.keys).union(after.keys).sorted() {
      let versions = [before[name] ?? [], after[name] ?? []].map { Set($0.map(\.version)).sorted() }
      guard versions[0] != versions[1] else { continue }
      if versions[0].isEmpty {
        if let package = after[name]?.first { added.append(package) }
      } else if versions[1].isEmpty {
        if let package = before[name]?.first { removed.append(package) }
      } else {
        changed.append(Changed(type: name.type, name: name.name, from: versions[0], to: versions[1]))
      }
    }
    let known = Set(old.findings.filter { $0.suppression == nil }.map(Flaw.init))
    let current = Set(new.findings.filter { $0.suppression == nil }.map(Flaw.init))
    introduced = new.findings.filter { $0.suppression == nil && !known.contains(Flaw($0)) }
    fixed = old.findings.filter { $0.suppression == nil && !current.contains(Flaw($0)) }
  }
}

/// A vulnerability of a package, whatever its version.
struct Flaw: Hashable {
  let vulnerability: String
  let package: String

  init(_ finding: ImageFinding) {
    vulnerability = finding.vulnerability
    package = finding.package.name
  }
}

extension Registry {
  /// What differs between what is in two images, each looked at by its own permit.
  ///
  /// - Throws: `MANIFEST_UNKNOWN`; ``AdministrationError`` when one is an index and no platform is named, or is not read.
  public func contentDifference(
    from: (reference: Reference, permit: Permit<Pull>), to: (reference: Reference, permit: Permit<Pull>),
    platform: String? = nil
  ) async throws -> ContentDifference {
    func side(_ side: (reference: Reference, permit: Permit<Pull>)) async throws -> (
      packages: [ImagePackageRow], findings: [ImageFinding]
    ) {
      let images = try await inspectedImages(side.reference, platform: platform, permit: side.permit)
      guard let image = images.first, images.count == 1 else {
        throw AdministrationError(.invalid, "\(side.permit.repository):\(side.reference) is an index: name a platform")
      }
      let row = try Self.inventoried(image)
      let repository = side.permit.repository
      return try await database.read { transaction in
        let packages = try transaction.packages(ofImage: row.key)
        let findings = try Self.findings(of: row, in: repository, packages: packages, transaction)
        return (packages: packages, findings: findings)
      }
    }
    return ContentDifference(from: try await side(from), to: try await side(to))
  }
}
