import Testing

@testable import Scanning

@Suite struct `Folding layers` {
  private static func layer(
    _ artefacts: [Artefact] = [], whiteouts: [LayerInventory.Whiteout] = [],
    links: [LayerInventory.DirectoryLink] = [], replacements: [String] = []
  ) -> LayerInventory {
    var layer = LayerInventory(revision: 1)
    layer.artefacts = artefacts
    layer.whiteouts = whiteouts
    layer.directoryLinks = links
    layer.replacements = replacements
    return layer
  }

  private static func python(_ name: String, at path: String) -> Artefact {
    Artefact(path: path, cataloguer: "python", components: [Component(.pypi, name: name, version: "1")])
  }

  private static func names(_ layers: [LayerInventory]) -> [String] {
    ImageInventory(folding: layers).components.map(\.component.name).sorted()
  }

  private static let base = layer([python("a", at: "app/a/METADATA"), python("b", at: "app/b/METADATA")])

  @Test func `a whiteout removes what lies below it, in lower layers alone`() {
    #expect(Self.names([Self.base, Self.layer(whiteouts: [.init(.path, "app/a")])]) == ["b"])
    #expect(Self.names([Self.base, Self.layer(whiteouts: [.init(.path, "app")])]) == [])
    // Wherever it stands in the archive: what its own layer has stays.
    let own = Self.layer(
      [Self.python("c", at: "app/c/METADATA")], whiteouts: [.init(.path, "app"), .init(.opaque, "app")])
    #expect(Self.names([Self.base, own]) == ["c"])
    // A name that begins alike is another.
    #expect(Self.names([Self.base, Self.layer(whiteouts: [.init(.path, "app/a/META")])]) == ["a", "b"])
  }

  @Test func `an opaque directory hides what it had, and a file in its place too`() {
    #expect(Self.names([Self.base, Self.layer(whiteouts: [.init(.opaque, "app")])]) == [])
    #expect(Self.names([Self.base, Self.layer(whiteouts: [.init(.opaque, "other")])]) == ["a", "b"])
    #expect(Self.names([Self.base, Self.layer(replacements: ["app"])]) == [])
  }

  @Test func `the newer file of a path stands for the older as a whole`() {
    #expect(Self.names([Self.base, Self.layer([Self.python("z", at: "app/a/METADATA")])]) == ["b", "z"])
  }

  @Test func `a linked directory is the one that it leads to, however often, and circles end`() {
    let base = Self.layer(
      [Self.python("a", at: "usr/lib/a/METADATA")], links: [.init(path: "lib", target: "usr/lib")])
    let upper = Self.layer([Self.python("z", at: "lib/a/METADATA")])
    #expect(Self.names([base, upper]) == ["z"])
    #expect(Self.names([base, Self.layer(whiteouts: [.init(.path, "lib/a")])]) == [])
    let circle = Self.layer(
      [Self.python("a", at: "x/a")], links: [.init(path: "x", target: "y"), .init(path: "y", target: "x")])
    #expect(Self.names([circle]) == ["a"])
  }

  @Test func `a package database that was taken away is said, also by its directory`() {
    let base = Self.layer([
      Artefact(
        path: "var/lib/dpkg/status", cataloguer: "dpkg", components: [Component(.deb, name: "curl", version: "1")])
    ])
    for path in ["var/lib/dpkg/status", "var/lib/dpkg", "var"] {
      let folded = ImageInventory(folding: [base, Self.layer(whiteouts: [.init(.path, path)])])
      #expect(folded.state == .packageDatabaseRemoved(["var/lib/dpkg/status"]))
      #expect(
        ImageInventory(folding: [base, Self.layer(whiteouts: [.init(.path, path)]), base]).state == .unknownDistribution
      )
    }
  }

  @Test func `lists files as a container would see them`() {
    func file(_ path: String, _ kind: ListedFile.Kind = .file) -> ListedFile {
      ListedFile(kind: kind, path: path, size: 1, mode: 0o644)
    }
    func folded(in folder: String) -> [String] {
      let layers = [Self.layer(), Self.layer(whiteouts: [.init(.path, "etc/a"), .init(.opaque, "o")])]
      var fold = FileFold(in: folder, of: layers)
      fold.apply(
        [
          file("etc", .directory), file("etc/a"), file("etc/d", .directory), file("etc/d/x"), file("etcetera"),
          file("o/p"),
        ], of: layers[0], at: 0)
      fold.apply([file("etc/d"), file("etc/b")], of: layers[1], at: 1)
      return fold.files.map { "\($0.file.path) \($0.layer)" }
    }
    #expect(folded(in: "") == ["etc 0", "etc/b 1", "etc/d 1", "etcetera 0"])
    #expect(folded(in: "etc") == ["etc 0", "etc/b 1", "etc/d 1"])
    #expect(folded(in: "etc/b") == ["etc/b 1"])
    #expect(folded(in: "o").isEmpty)
  }

  @Test func `follows links to folders on the way to a file, in what is asked for and in upper layers`() {
    func file(_ path: String, _ kind: ListedFile.Kind = .file) -> ListedFile {
      ListedFile(kind: kind, path: path, size: 1, mode: 0o644)
    }
    let layers = [
      Self.layer(links: [.init(path: "lib", target: "usr/lib"), .init(path: "usr/lib/new", target: "usr/lib/v2")]),
      Self.layer(whiteouts: [.init(.path, "lib/old")]),
    ]
    func folded(in folder: String, last: [ListedFile] = []) -> [String] {
      var fold = FileFold(in: folder, of: layers)
      fold.apply(
        [
          file("lib", .symbolicLink), file("usr/lib", .directory), file("usr/lib/old"), file("usr/lib/v2/x"),
          file("usr/lib/new", .symbolicLink),
        ], of: layers[0], at: 0)
      fold.apply([file("lib/new/y")] + last, of: layers[1], at: 1)
      return fold.files.map(\.file.path)
    }
    #expect(folded(in: "lib") == ["lib", "usr/lib", "usr/lib/new", "usr/lib/v2/x", "usr/lib/v2/y"])
    #expect(folded(in: "lib/new") == ["usr/lib/new", "usr/lib/v2/x", "usr/lib/v2/y"])
    #expect(folded(in: "lib/new/y") == ["usr/lib/v2/y"])
    // A folder of an upper layer stands in place of the link.
    #expect(folded(in: "", last: [file("lib", .directory), file("lib/z")]).contains("lib/z"))
    #expect(folded(in: "lib", last: [file("lib", .directory), file("lib/z")]).contains("lib/z"))
  }
}
