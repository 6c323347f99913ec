import Testing

@testable import Scanning

/// A database of text shows little of what was done to it; but what is none of packages is never one without any.
@Suite("Damaged package databases of text")
struct DamagedTextTests {
  /// As they are in the file, with whether they are packed.
  private static let databases: [(path: String, text: String, isPacked: Bool)] = [
    ("var/lib/dpkg/status", PackageDatabaseTests.status, false),
    ("var/lib/dpkg/status.d/a", "Package: a\nVersion: 1\n", false),
    ("lib/apk/db/installed", PackageDatabaseTests.installed, false),
    (
      "var/lib/rpmmanifest/container-manifest-2",
      "bash\t5.1.8-2.cm2\t1\t1\tMicrosoft Corporation\t(none)\t1\tx86_64\t0\tbash-5.1.8-2.cm2.src.rpm\n", false
    ), ("var/lib/chisel/manifest.wall", PackageDatabaseTests.slices, true),
  ]

  /// Nil: a reason.
  private static func read(_ path: String, _ bytes: [UInt8]) throws -> Artefact? {
    do { return try SystemFile.read(path, bytes) } catch is CatalogueError { return nil }
  }

  @Test("Cut off or scrambled, they end with packages or with a reason")
  func scrambled() throws {
    var random = DamagedDatabaseTests.Seeded(state: 3)
    for (path, text, isPacked) in Self.databases {
      let original = isPacked ? try SharedData.packed(Array(text.utf8)) : Array(text.utf8)
      #expect(try Self.read(path, original)?.components.isEmpty == false, "\(path)")
      for length in original.indices { _ = try Self.read(path, Array(original[..<length])) }
      for _ in 0..<300 {
        var bytes = original
        for _ in 0..<8 {
          bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        _ = try Self.read(path, bytes)
      }
    }
  }

  @Test(
    "What names no package, has holes, or a package without a version is a reason",
    arguments: [
      ("var/lib/dpkg/status", "\u{fffd}~!§ noise\n:::\n"),
      ("var/lib/dpkg/status", "Version: 1\nStatus: install ok installed\n"),
      ("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\n"),
      ("var/lib/dpkg/status", PackageDatabaseTests.status + "\u{0}\u{0}\u{0}\u{0}"),
      ("var/lib/dpkg/status.d/a", "Package: a\nVersion: \u{0}\n"),
      ("lib/apk/db/installed", "\u{fffd}~!§ noise\n:::\n"), ("lib/apk/db/installed", "V:1\nA:x86_64\n"),
      ("lib/apk/db/installed", PackageDatabaseTests.installed + "\u{0}"),
      ("var/lib/rpmmanifest/container-manifest-2", "noise\n"),
    ])
  func damaged(path: String, text: String) {
    #expect(throws: CatalogueError.self) { try SystemFile.read(path, text) }
  }

  @Test("One that is empty has no packages, and a part may say nothing")
  func empty() throws {
    for path in ["var/lib/dpkg/status", "lib/apk/db/installed"] {
      for text in ["", "\n", " \n\n"] { #expect(try SystemFile.read(path, text)?.components == [], "\(path)") }
    }
    #expect(try SystemFile.read("var/lib/dpkg/status.d/notes", "nothing\n")?.components == [])
    let removed = "Package: a\nStatus: deinstall ok config-files\nVersion: 1\n"
    #expect(try SystemFile.read("var/lib/dpkg/status", removed)?.components == [])
  }
}
