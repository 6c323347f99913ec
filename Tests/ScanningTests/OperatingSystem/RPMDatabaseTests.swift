import Testing

@testable import Scanning

@Suite("Databases of rpm")
struct RPMDatabaseTests {
  static let real = [
    ("rpmdb/cbl-mariner-2.0/rpmdb.sqlite", RPMDatabase.sqlite, 129), ("rpmdb/libuuid/Packages", .berkeleyHash, 1),
    ("rpmdb/sle15-bci/Packages.db", .ndb, 35),
  ]

  /// The columns of the ground truth.
  static func row(_ package: RPMPackage) -> [String] {
    [
      package.name, "\(package.epoch ?? 0)", package.version, package.release, package.architecture ?? "(none)",
      package.sourcePackage ?? "(none)", package.moduleLabel ?? "(none)", package.vendor ?? "(none)",
    ]
  }

  static func packages(_ bytes: [UInt8]) throws -> [RPMPackage] {
    try bytes.withUnsafeBytes { all in
      let database = try #require(RPMDatabase(sniffing: all))
      var found: [RPMPackage] = []
      try database.forEachHeader(in: all) { (header) throws(CatalogueError) in
        found.append(try RPMPackage(try RPMHeader(header)))
      }
      return found
    }
  }

  @Test("Each form gives row for row what rpm prints", arguments: real)
  func groundTruth(path: String, form: RPMDatabase, count: Int) throws {
    let bytes = try SharedData.bytes(path)
    #expect(bytes.withUnsafeBytes { RPMDatabase(sniffing: $0) } == form)
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    let expected = try SharedData.table("\(folder)/expected.tsv").map { $0.joined(separator: "\t") }.sorted()
    let found = try Self.packages(bytes).map { Self.row($0).joined(separator: "\t") }.sorted()
    #expect(found.count == count)
    #expect(found == expected)
  }

  @Test("A package names its source, its vendor and its version with the epoch that it has")
  func component() throws {
    let artefact = try #require(
      try SystemFile.read("var/lib/rpm/rpmdb.sqlite", try SharedData.bytes("rpmdb/cbl-mariner-2.0/rpmdb.sqlite")))
    #expect(artefact.cataloguer == "rpm")
    let certificates = try #require(artefact.components.first { $0.name == "ca-certificates-base" })
    #expect(certificates.version == "1:2.0.0-1.cm2")
    #expect(certificates.source == .init(name: "ca-certificates", version: "2.0.0-1.cm2"))
    #expect(certificates.architecture == "noarch")
    #expect(certificates.vendor == "Microsoft Corporation")
    let bash = try #require(artefact.components.first { $0.name == "bash" })
    #expect(bash.version == "5.1.8-1.cm2")
    #expect(bash.licenses == ["GPLv3"])
  }

  @Test("Files that a cataloguer might read are kept with the package that owns them")
  func owners() throws {
    let artefact = try #require(
      try SystemFile.read("var/lib/rpm/rpmdb.sqlite", try SharedData.bytes("rpmdb/cbl-mariner-2.0/rpmdb.sqlite")))
    #expect(artefact.ownedPaths.count == artefact.pathOwners.count)
    let position = try #require(
      artefact.ownedPaths.firstIndex(of: "usr/bin/bash") ?? artefact.ownedPaths.firstIndex(of: "bin/bash"))
    #expect(artefact.owner(ofPathAt: position) == "bash")
    #expect(artefact.ownedPaths.allSatisfy { LanguagePaths.mayHoldPackage($0) })
  }
}
