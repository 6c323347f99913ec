import Glibc
import Testing

@testable import Scanning

@Suite struct `Programs` {
  private static let elf: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0]
  private static let start: [UInt8] = [
    0x30, 0x77, 0xAF, 0x0C, 0x92, 0x74, 0x08, 0x02, 0x41, 0xE1, 0xC1, 0x07, 0xE6, 0xD6, 0x18, 0xE6,
  ]
  private static let record = """
    path\texample.com/cmd
    mod\texample.com/app\t(devel)\t
    dep\tgolang.org/x/net\tv0.7.0\th1:x=
    dep\tgithub.com/old/fork\tv1.0.0\th1:x=
    =>\tgithub.com/new/fork\tv1.1.0\th1:y=
    dep\tgithub.com/local/copy\tv1.5.0
    =>\t./copy\t
    build\t-ldflags="-s -w -X main.version=2.3.4"

    """

  private static func text(_ bytes: [UInt8]) -> [UInt8] {
    var length = bytes.count
    var prefix: [UInt8] = []
    while length >= 0x80 {
      prefix.append(UInt8(length & 0x7F) | 0x80)
      length >>= 7
    }
    return prefix + [UInt8(length)] + bytes
  }

  private static func marked(_ record: String) -> [UInt8] { start + Array(record.utf8) + GoBuild.recordEnd }

  /// A program with a build information at a multiple of 16 behind so many bytes.
  private static func go(_ record: String, version: String = "go1.21.3", before: Int = 1 << 20) -> [UInt8] {
    var bytes = elf + [UInt8](repeating: 0x78, count: before - elf.count)
    bytes += [0xFF] + Array(" Go buildinf:".utf8) + [8, 2] + [UInt8](repeating: 0, count: 16)
    bytes += text(Array(version.utf8)) + text(marked(record))
    return bytes + [UInt8](repeating: 1, count: 3000)
  }

  private static let modules = [
    "example.com/app v2.3.4", "golang.org/x/net v0.7.0", "github.com/new/fork v1.1.0", "github.com/local/copy v1.5.0",
  ]

  /// Around the ends of the windows in which a program is looked through.
  @Test(arguments: [512, 65_408, 65_536, 65_280, 65_440, 131_072, 1 << 20])
  func `of Go name their modules and the version of Go`(before: Int) throws {
    #expect(
      try LanguageFile.packages("usr/bin/app", Self.go(Self.record, before: before)) == Self.modules + ["stdlib 1.21.3"]
    )
  }

  @Test func `of older Go name their modules, also where nothing tells the version`() throws {
    var bytes = Self.elf + [UInt8](repeating: 3, count: 70_001) + Self.marked(Self.record)
    bytes += [UInt8](repeating: 0, count: 16 - bytes.count % 16)
    bytes += [0xFF] + Array(" Go buildinf:".utf8) + [8, 0] + [UInt8](repeating: 9, count: 16)
    #expect(try LanguageFile.packages("app", bytes) == Self.modules)
  }

  @Test(arguments: [("go1.20.4 X:boringcrypto", "1.20.4"), ("devel go1.22-abc", nil), ("go1.18-vendor", "1.18")])
  func `of Go tell the version of its library`(text: String, expected: String?) throws {
    let found = try LanguageFile.packages("app", Self.go("path\tx\nmod\tx\tv1.0.0\t\n", version: text))
    #expect(found == ["x v1.0.0"] + (expected.map { ["stdlib \($0)"] } ?? []))
  }

  @Test func `of Go that are here name what they are made of`() throws {
    let path = "/usr/bin/skopeo"
    let file = try #require(fopen(path, "r"), "the package skopeo is among those that tests need")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
    // Debian builds without modules: what is known is the version of Go.
    let found = try LanguageFile.packages("usr/bin/skopeo", bytes)
    #expect(found.contains { $0.hasPrefix("stdlib 1.") }, "\(found)")
  }

  @Test func `of Rust name the crates that run in them`() throws {
    let document =
      #"{"packages":[{"name":"app","version":"0.1.0","source":"local","root":true},{"name":"serde","version":"1.0.1","source":"crates.io"},{"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"}],"format":0}"#
    for before in [600, 65_400, 65_534, 200_001] {
      // Bytes as a zlib stream begins, over and over.
      var bytes = Self.elf
      while bytes.count < before { bytes += [0x78, 0x9C, 0x03] }
      bytes += ZipWriter.packed(Array(document.utf8), windowBits: 15) + [UInt8](repeating: 5, count: 5000)
      #expect(try LanguageFile.packages("usr/bin/app", bytes) == ["serde 1.0.1"])
    }
  }

  /// The codes of a packed list grow with what is in it: here they take more than 64 bytes.
  @Test func `of Rust name hundreds of crates`() throws {
    var state: UInt64 = 9
    func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    let letters = Array("abcdefghijklmnopqrstuvwxyz_-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    let crates = (0..<400).map { number in
      (
        name: "c\(number)" + String((0...next(12)).map { _ in letters[next(letters.count)] }),
        version: "\(next(3)).\(next(60)).\(next(200))"
      )
    }
    let packages = crates.map {
      #"{"name":"\#($0.name)","version":"\#($0.version)","source":"crates.io","dependencies":[\#(next(400)),\#(next(400))]}"#
    }
    let document = Array(#"{"packages":[\#(packages.joined(separator: ","))],"format":0}"#.utf8)
    let bytes = Self.elf + [UInt8](repeating: 0, count: 65_000) + ZipWriter.packed(document, windowBits: 15)
    #expect(try LanguageFile.packages("usr/bin/app", bytes) == crates.map { "\($0.name) \($0.version)" })
  }

  @Test func `that are broken say nothing, and never break the layer`() throws {
    let whole = Self.go(Self.record, before: 1024)
    for length in 1000..<whole.count where length % 3 == 0 {
      _ = try LanguageFile.inventory("app", Array(whole[..<length]))
    }
    var state: UInt64 = 3
    for _ in 0..<500 {
      var damaged = whole
      for _ in 0..<4 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        damaged[1024 + Int(state >> 33) % 700] = UInt8(truncatingIfNeeded: state >> 20)
      }
      _ = try LanguageFile.inventory("app", damaged)
    }
    #expect(try LanguageFile.packages("app", Self.elf + [UInt8](repeating: 0x78, count: 100_000)).isEmpty)
  }
}
