import Testing

@testable import Scanning

/// Layers that nobody makes by accident. Each ends: read, or with a reason.
@Suite struct `A hostile layer` {
  private static func read(
    _ source: any ByteSource, _ change: (inout ArchiveLimits) -> Void = { _ in }
  ) throws(LayerError) -> LayerInventory {
    var limits = ArchiveLimits()
    change(&limits)
    return try LayerReader.read(source, limits: limits)
  }

  private static func read(
    _ archive: TarBuilder, _ change: (inout ArchiveLimits) -> Void = { _ in }
  ) throws(LayerError) -> LayerInventory {
    try read(MemorySource(archive.finished), change)
  }

  /// Many entries that are never in memory together.
  private struct Endless: ByteSource {
    let count: Int
    let entry: (Int) -> TarBuilder
    private var next = 0
    private var rest: ArraySlice<UInt8> = []

    init(_ count: Int, _ entry: @escaping (Int) -> TarBuilder) {
      self.count = count
      self.entry = entry
    }

    mutating func read(into space: UnsafeMutableRawBufferPointer) -> Int {
      if rest.isEmpty, next < count {
        rest = entry(next).bytes[...]
        next += 1
      }
      let part = rest.prefix(space.count)
      space.copyBytes(from: part)
      rest = rest.dropFirst(part.count)
      return part.count
    }
  }

  /// Empty files, each a header made where it is read to: in a build for debugging the making would else take longer than the reading.
  private struct ManyFiles: ByteSource {
    let count: Int
    private var next = 0
    private var rest: ArraySlice<UInt8> = []
    private var block: [UInt8]
    private let sum: Int
    private static let digits = 10..<17

    init(_ count: Int) {
      self.count = count
      var entry = TarBuilder()
      entry.file("usr/share/0000000")
      block = entry.bytes
      // Of the header with no digits of the number in it.
      sum = Int(String(decoding: block[148..<154], as: UTF8.self), radix: 8)! - 7 * 48
    }

    mutating func read(into space: UnsafeMutableRawBufferPointer) -> Int {
      if rest.isEmpty, next < count {
        var (number, sum) = (next, sum)
        for place in Self.digits.reversed() {
          block[place] = 48 + UInt8(number % 10)
          sum += Int(block[place])
          number /= 10
        }
        for place in (148..<154).reversed() {
          block[place] = 48 + UInt8(sum & 7)
          sum >>= 3
        }
        rest = block[...]
        next += 1
      }
      let part = rest.prefix(space.count)
      space.copyBytes(from: part)
      rest = rest.dropFirst(part.count)
      return part.count
    }
  }

  /// A million takes four seconds of a program made to be used, and more than a minute of one made to be debugged.
  @Test(.timeLimit(.minutes(4))) func `of a million entries is read to its end within the limits that hold for all`()
    throws
  {
    #if DEBUG
      let (count, listed) = (300_000, 200_000)
    #else
      let (count, listed) = (1_000_000, ArchiveLimits().listedFileCount)
    #endif
    #expect(ArchiveLimits().entryCount >= 1_000_000)
    var limits = ArchiveLimits()
    limits.listedFileCount = listed
    var told = 0
    let found = try LayerReader.read(ManyFiles(count), limits: limits) { _ in told += 1 }
    #expect(found.figures.entryCount == count)
    #expect(found.figures.uncompressedBytes == Int64(count) * 512)
    #expect(told == listed)
    #expect(found.figures.unlistedCount == count - listed)
    #expect(found.notices.isEmpty)
    #expect(found.artefacts.isEmpty)
    // What is kept of it does not grow with it.
    #expect(found.encoded().count < 1000)
    limits.entryCount = 1000
    #expect(throws: LayerError.self) { try LayerReader.read(ManyFiles(2000), limits: limits) }
  }

  @Test func `of very many entries is read, with a list of the first and a count of the others`() throws {
    let found = try Self.read(
      Endless(30_000) { number in
        var entry = TarBuilder()
        entry.file("usr/share/\(number % 100)/file-\(number)")
        return entry
      }
    ) { $0.listedFileCount = 20_000 }
    #expect(found.figures.entryCount == 30_000)
    #expect(found.figures.unlistedCount == 10_000)
    #expect(found.notices.isEmpty)
  }

  @Test func `that would have very much kept of it is refused`() {
    let folder = String(repeating: "d/", count: 40)
    func refused(_ entry: @escaping (inout TarBuilder, Int) -> Void) {
      #expect(throws: LayerError.limit("the paths to be kept of it have more than 100000 bytes")) {
        try Self.read(
          Endless(10_000) { number in
            var builder = TarBuilder()
            entry(&builder, number)
            return builder
          }
        ) { $0.keptPathBytes = 100_000 }
      }
    }
    refused { $0.file("\(folder).wh.\($1)") }
    #expect(throws: LayerError.limit("it removes more than 10 things")) {
      var archive = TarBuilder()
      for number in 0..<11 { archive.file(".wh.\(number)") }
      _ = try Self.read(archive) { $0.whiteoutCount = 10 }
    }
    refused { $0.file("\(folder)\($1)/.wh..wh..opq") }
    // What may stand in place of a folder that has packages.
    refused { $0.file("\(folder)\($1)/lib") }
    refused { $0.link("\(folder)\($1)", to: "/usr") }
    // Every name of a file that says something says it again.
    refused {
      if $1 == 0 { $0.file("etc/os-release", "ID=debian\n") }
      $0.link("\(folder)\($1)/os-release", to: "etc/os-release", isHard: true)
    }
  }

  @Test func `with links in circles and out of it is read, and no link followed for ever`() throws {
    var archive = TarBuilder()
    archive.link("a", to: "b")
    archive.link("b", to: "a")
    archive.link("var/lib", to: "../var/lib")
    archive.link("usr", to: "/../../../../etc")
    archive.link("self", to: ".")
    archive.link("deep", to: String(repeating: "x/", count: 49))
    archive.link("etc/passwd", to: "../../../../etc/passwd", isHard: true)
    archive.file("a/var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n")
    let layer = try Self.read(archive)
    #expect(layer.notices.map(\.path) == ["etc/passwd"])
    // The fold goes through the same circles.
    #expect(ImageInventory(folding: [layer, layer, layer]).components.count <= 1)
  }

  @Test func `with devices, pipes and unknown kinds has them listed, and nothing else`() throws {
    var archive = TarBuilder()
    for flag in ["3", "4", "6", "7", "V", "M", "N", "S", "Z"] as [Character] {
      archive.add(TarBuilder.Header("entry-\(flag)", flag: flag))
    }
    archive.file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")
    let found = try Self.read(archive)
    #expect(found.artefacts.compactMap(\.distribution).map(\.id) == ["alpine"])
    #expect(found.notices.map(\.kind).allSatisfy { $0 == .irregular })
    #expect(found.notices.map(\.path).contains("entry-3"))
  }

  @Test func `with a file of holes has no content read from it`() throws {
    var archive = TarBuilder()
    archive.extended([
      (key: "GNU.sparse.major", value: "1"), (key: "GNU.sparse.minor", value: "0"),
      (key: "GNU.sparse.name", value: "var/lib/dpkg/status"),
      (key: "GNU.sparse.realsize", value: "900000000000000000"),
    ])
    archive.file("var/lib/dpkg/GNUSparseFile.0/status", "1\n0\n899999999999999999\n")
    let found = try Self.read(archive)
    #expect(found.artefacts.isEmpty)
    #expect(found.notices.map(\.kind) == [.unreadable])
  }

  @Test(arguments: ["-1", "99999999999999999999", "0x10", "", "1e9", " 5", "+5", "9223372036854775807"])
  func `whose extended headers name absurd sizes is broken`(_ size: String) {
    var archive = TarBuilder()
    archive.extended([(key: "size", value: size)])
    archive.file("etc/os-release", "ID=x\n")
    // The empty text takes back what was said before, and says nothing here.
    let expected = size.isEmpty ? nil : LayerError.broken("an extended header of its archive is broken")
    do throws(LayerError) {
      _ = try Self.read(archive)
      #expect(expected == nil)
    } catch {
      #expect(error == expected)
    }
  }

  @Test func `whose headers readers would take differently is refused`() {
    func refused(_ make: (inout TarBuilder) -> Void) {
      var archive = TarBuilder()
      make(&archive)
      archive.file("etc/os-release", "ID=x\n")
      #expect(throws: LayerError.broken("a header of its archive can be read in more than one way")) {
        try Self.read(archive)
      }
    }
    refused { $0.extended([(key: "path", value: "tmp/x")], flag: "g") }
    refused { $0.extended([(key: "size", value: "4")], flag: "g") }
    refused { $0.extended([(key: "GNU.sparse.name", value: "tmp/x")]) }
    refused {
      $0.extended([(key: "path", value: "a")])
      $0.extended([(key: "linkpath", value: "b")])
    }
    refused {
      $0.long("some/path", flag: "L")
      $0.extended([(key: "path", value: "other/path")])
    }
    // A comment for all entries, as git writes it, says nothing of any.
    var archive = TarBuilder()
    archive.extended([(key: "comment", value: "4f2c1ab")], flag: "g")
    archive.file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")
    #expect(throws: Never.self) { try Self.read(archive) }
  }

  @Test func `with broken databases of packages says so of each, and reads the rest`() throws {
    var archive = TarBuilder()
    let noise = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 7) }
    for path in [
      "var/lib/rpm/Packages", "var/lib/rpm/Packages.db", "usr/lib/sysimage/rpm/rpmdb.sqlite",
      "app/x-1.dist-info/METADATA", "app/node_modules/x/package.json", "app/vendor/composer/installed.json",
      "app/x.deps.json", "app/x.jar",
    ] { archive.file(path, noise) }
    archive.file("lib/apk/db/installed", "P:musl\nV:1\n\n")
    let found = try Self.read(archive)
    #expect(found.artefacts.flatMap(\.components).map(\.name).contains("musl"))
    #expect(found.notices.map(\.kind).contains(.unreadable))
    #expect(
      Set(found.notices.map(\.path)).isSuperset(of: ["var/lib/rpm/Packages", "usr/lib/sysimage/rpm/rpmdb.sqlite"]))
  }
}
