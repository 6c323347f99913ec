import Testing

@testable import Scanning

/// What stands at the path of a package database or manifest counts, whatever it is, and nothing that stood there before.
@Suite struct `A file in place of another` {
  private static let status = "var/lib/dpkg/status"

  private static func package(_ version: String) -> String {
    "Package: aide\nStatus: install ok installed\nVersion: \(version)\n\n"
  }

  private static func layer(
    limits: ArchiveLimits = ArchiveLimits(), _ fill: (inout TarBuilder) -> Void
  ) throws -> LayerInventory {
    var archive = TarBuilder()
    fill(&archive)
    return try LayerReader.read(MemorySource(archive.finished), limits: limits)
  }

  private static func base() throws -> LayerInventory {
    try layer {
      $0.file("etc/os-release", "ID=debian\nVERSION_ID=13\n")
      $0.file(status, package("1"))
    }
  }

  @Test(arguments: ["empty", "blank", "noise", "folder", "link to nowhere", "hard link"])
  func `takes the packages of a lower layer away, and the image is not clean`(kind: String) throws {
    let upper = try Self.layer { archive in
      switch kind {
      case "empty": archive.file(Self.status)
      case "blank": archive.file(Self.status, "\n\n\n")
      case "noise": archive.file(Self.status, [1, 2, 3, 0xFF, 10, 7])
      case "folder": archive.directory(Self.status + "/")
      case "hard link":
        archive.file("usr/share/x", "x")
        archive.link(Self.status, to: "usr/share/x", isHard: true)
      default: archive.link(Self.status, to: "/nowhere")
      }
    }
    let image = ImageInventory(folding: [try Self.base(), upper])
    #expect(image.components.isEmpty)
    #expect(
      image.state
        == (kind == "blank" ? .packageDatabaseMissing(empty: [Self.status]) : .packageDatabaseRemoved([Self.status])))
    #expect(image.unreadableDatabases.map(\.path) == (["noise", "hard link"].contains(kind) ? [Self.status] : []))
    // A database above it counts again.
    #expect(ImageInventory(folding: [try Self.base(), upper, try Self.base()]).state == .inventoried)
    #expect(ImageInventory(folding: [try Self.base(), upper, try Self.base()]).unreadableDatabases.isEmpty)
  }

  @Test func `is missed where a distribution has none, and not in an image of a program alone`() throws {
    let system = try Self.layer { $0.file("etc/os-release", "ID=debian\nVERSION_ID=13\n") }
    #expect(ImageInventory(folding: [system]).state == .packageDatabaseMissing(empty: []))
    let program = try Self.layer { $0.file("app/x-1.dist-info/METADATA", "Name: x\nVersion: 1\n") }
    #expect(ImageInventory(folding: [program]).state == .inventoried)
  }

  @Test(arguments: ["srv1", "opt/tool", "app/node_modules/a", "app/node_modules/@s/b", "x/y/z/n-1.dist-info"])
  func `takes away the packages of a folder that stood there`(folder: String) throws {
    let lower = try Self.layer {
      $0.file(folder + "/node_modules/c/package.json", #"{"name":"c","version":"1"}"#)
      $0.file(folder + "/METADATA", "Name: n\nVersion: 1\n")
      $0.file(folder + "/package.json", #"{"name":"a","version":"1"}"#)
    }
    #expect(!ImageInventory(folding: [lower]).components.isEmpty)
    let upper = try Self.layer { $0.file(folder, "text") }
    #expect(ImageInventory(folding: [lower, upper]).components.isEmpty)
  }

  @Test func `takes a link to a folder away, and nothing that is in the folder`() throws {
    let lower = try Self.layer {
      $0.file("app/releases/1/node_modules/c/package.json", #"{"name":"c","version":"1"}"#)
      $0.link("app/lib", to: "releases/1")
    }
    let upper = try Self.layer { $0.file("app/lib", "text") }
    let last = try Self.layer { $0.file("app/lib/node_modules/c/package.json", #"{"name":"c","version":"2"}"#) }
    #expect(ImageInventory(folding: [lower, upper]).components.map(\.component.version) == ["1"])
    #expect(ImageInventory(folding: [lower, upper, last]).components.map(\.component.version).sorted() == ["1", "2"])
  }

  @Test func `of the same layer is the last one of its path`() throws {
    func versions(_ contents: [String]) throws -> [String] {
      let layer = try Self.layer { archive in for content in contents { archive.file(Self.status, content) } }
      return ImageInventory(folding: [layer]).components.map(\.component.version)
    }
    #expect(try versions([Self.package("1"), Self.package("2")]) == ["2"])
    #expect(try versions([Self.package("1"), Self.package("2"), ""]) == [])
    #expect(try versions(["", Self.package("2")]) == ["2"])
    // By two names of one folder.
    let aliased = try Self.layer {
      $0.link("lib", to: "usr/lib")
      $0.file("usr/lib/apk/db/installed", "P:a\nV:1\n\n")
      $0.file("lib/apk/db/installed", "P:a\nV:2\n\n")
    }
    #expect(ImageInventory(folding: [aliased]).components.map(\.component.version) == ["2"])
  }

  @Test func `that cannot be read says nothing in place of what could be`() throws {
    let path = "app/node_modules/x/package.json"
    let good = try Self.layer { $0.file(path, #"{"name":"x","version":"1"}"#) }
    let broken = try Self.layer { $0.file(path, "{") }
    #expect(ImageInventory(folding: [good, broken]).components.isEmpty)
    #expect(ImageInventory(folding: [good, broken]).notices.map(\.notice.kind) == [.unreadable])
    #expect(ImageInventory(folding: [broken, good]).components.count == 1)
    #expect(ImageInventory(folding: [broken, good]).notices.isEmpty)
  }

  private static func linked(limits: ArchiveLimits = ArchiveLimits()) throws -> LayerInventory {
    try layer(limits: limits) {
      $0.file("root/.local/share/pnpm/store/v3/files/ab/cdef", #"{"name":"lodash","version":"4.17.20"}"#)
      $0.link(
        "srv/app/node_modules/lodash/package.json", to: "root/.local/share/pnpm/store/v3/files/ab/cdef", isHard: true)
    }
  }

  @Test func `that is a hard link says what its content does, under its own path`() throws {
    let removal = try Self.layer { $0.file("root/.local/share/.wh.pnpm") }
    for layers in [[try Self.linked()], [try Self.linked(), removal]] {
      let image = ImageInventory(folding: layers)
      #expect(image.components.map(\.component.name) == ["lodash"])
      #expect(image.components.map(\.path) == ["srv/app/node_modules/lodash/package.json"])
    }
    var limits = ArchiveLimits()
    limits.linkedFileBytes = 8
    #expect(
      try Self.linked(limits: limits).notices == [
        Notice(
          .unreadable, path: "srv/app/node_modules/lodash/package.json",
          detail: "node: it is a link to root/.local/share/pnpm/store/v3/files/ab/cdef, whose content was not kept")
      ])
  }
}
