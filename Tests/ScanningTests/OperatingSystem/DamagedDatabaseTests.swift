import Testing

@testable import Scanning

/// Whatever is done to a database, reading it ends: with packages or with a reason.
@Suite("Damaged package databases")
struct DamagedDatabaseTests {
  /// A generator that gives the same numbers for the same seed (SplitMix64).
  struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  static let databases = [
    ("var/lib/rpm/rpmdb.sqlite", "rpmdb/cbl-mariner-2.0/rpmdb.sqlite", 40),
    ("var/lib/rpm/Packages", "rpmdb/libuuid/Packages", 1500),
    ("var/lib/rpm/Packages.db", "rpmdb/sle15-bci/Packages.db", 150),
  ]

  /// - Returns: how often there were packages, and how often a reason.
  static func read(_ path: String, _ bytes: [UInt8], _ counts: inout (packages: Int, reasons: Int)) {
    do {
      _ = try SystemFile.read(path, bytes)
      counts.packages += 1
    } catch {
      counts.reasons += 1
    }
  }

  @Test("Bytes changed at random, most of them where tables of places are", arguments: databases)
  func changed(path: String, file: String, rounds: Int) throws {
    let original = try SharedData.bytes(file)
    var random = Seeded(state: UInt64(rounds))
    var counts = (packages: 0, reasons: 0)
    for _ in 0..<rounds {
      var bytes = original
      for _ in 0..<Int.random(in: 1...16, using: &random) {
        // The head of a page, or anywhere.
        let page = Int.random(in: 0..<(bytes.count / 4096), using: &random) * 4096
        let place =
          Bool.random(using: &random)
          ? page + Int.random(in: 0..<64, using: &random) : Int.random(in: 0..<bytes.count, using: &random)
        let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)]
        bytes[place] = interesting.randomElement(using: &random) ?? 0
      }
      Self.read(path, bytes, &counts)
    }
    #expect(counts.packages + counts.reasons == rounds)
    #expect(counts.reasons > 0)
  }

  @Test("Cut off anywhere", arguments: databases)
  func cutOff(path: String, file: String, rounds: Int) throws {
    let original = try SharedData.bytes(file)
    var random = Seeded(state: 7)
    var counts = (packages: 0, reasons: 0)
    for round in 0..<rounds {
      let length = round < 64 ? round : Int.random(in: 0..<original.count, using: &random)
      Self.read(path, Array(original[..<length]), &counts)
    }
    #expect(counts.reasons > counts.packages)
  }

  @Test("Pages of a hash table that lead in a circle are a reason")
  func circle() throws {
    var bytes = try SharedData.bytes("rpmdb/libuuid/Packages")
    // The chain of the first value begins at some page of overflow: each of them goes on with itself.
    for page in 0..<(bytes.count / 4096) where bytes[page * 4096 + 25] == 7 {
      bytes[page * 4096 + 16] = UInt8(page & 0xFF)
      bytes[page * 4096 + 17] = UInt8(page >> 8)
      bytes[page * 4096 + 22] = 1
      bytes[page * 4096 + 23] = 0
    }
    #expect(throws: CatalogueError.self) { try SystemFile.read("var/lib/rpm/Packages", bytes) }
  }

  @Test("Slots that all say the same place are a reason")
  func overlap() throws {
    var bytes = try SharedData.bytes("rpmdb/sle15-bci/Packages.db")
    for slot in 3..<256 { bytes.replaceSubrange(slot * 16..<(slot + 1) * 16, with: bytes[32..<48]) }
    #expect(throws: CatalogueError.self) { try SystemFile.read("var/lib/rpm/Packages.db", bytes) }
  }

  @Test(
    "A database of SQLite whose table of packages is made to be something else is a reason",
    arguments: [
      "CREATE VIEW Packages AS SELECT CAST(sql AS BLOB) AS blob FROM sqlite_master",
      "CREATE VIEW Packages AS SELECT key AS blob FROM Name",
      "CREATE VIEW Packages AS SELECT zeroblob(1 << 20) AS blob",
      "CREATE VIRTUAL TABLE Packages USING fts5(blob)",
      "CREATE TABLE Packages (hnum INTEGER, blob AS (randomblob(9)))",
      "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, header BLOB)",
      "CREATE TABLE Other (hnum INTEGER PRIMARY KEY, blob BLOB)", "CREATE NONSENSE",
    ])
  func otherSchema(statement: String) throws {
    let bytes = try SharedData.bytes("rpmdb/cbl-mariner-2.0/rpmdb.sqlite")
    let real = Array("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)".utf8)
    let place = try #require(bytes.firstRange(of: real))
    let padded = Array(statement.utf8) + [UInt8](repeating: 0x20, count: real.count - statement.utf8.count)
    var changed = bytes
    changed.replaceSubrange(place, with: padded)
    #expect(throws: CatalogueError.self) { try SystemFile.read("var/lib/rpm/rpmdb.sqlite", changed) }
  }

  @Test(
    "A header whose numbers lie is a reason or has less to say",
    arguments: [
      [], [0, 0, 0, 0, 0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
      [0, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0x7F, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0xFF, count: 32),
    ] as [[UInt8]])
  func header(bytes: [UInt8]) {
    #expect(throws: CatalogueError.self) {
      try bytes.withUnsafeBytes { try RPMPackage(try RPMHeader($0)) }
    }
  }

  @Test("Names of files that would come to more than a database can name are a reason")
  func manyPaths() {
    var text = "P:a\nV:1\nF:usr/bin/" + String(repeating: "d", count: 3000) + "\n"
    for _ in 0..<2000 { text += "R:x\n" }
    #expect(throws: CatalogueError.self) { try SystemFile.read("lib/apk/db/installed", text) }
  }
}
