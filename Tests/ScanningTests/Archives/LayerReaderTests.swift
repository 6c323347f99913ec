import CCompression
import Testing

@testable import Scanning

@Suite struct `Reading a layer` {
  /// An archive of a few files, as GNU tar would write it in the form of ustar.
  static func archive(_ files: [(path: String, content: String)]) -> [UInt8] {
    files.flatMap { entry($0.path, Array($0.content.utf8)) } + [UInt8](repeating: 0, count: 1024)
  }

  static func entry(
    _ path: String, _ content: [UInt8] = [], type: Character = "0", link: String = "", size: Int? = nil,
    mode: Int = 0o644
  ) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    func octal(_ number: Int, _ width: Int) -> String {
      let digits = String(number, radix: 8)
      return String(repeating: "0", count: width - digits.count) + digits
    }
    put(path, at: 0)
    put(octal(mode, 7), at: 100)
    put(octal(size ?? content.count, 11), at: 124)
    put("        ", at: 148)
    put(String(type), at: 156)
    put(link, at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0", at: 148)
    return header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 1024)
    return input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        deflate(&stream, Z_FINISH)
        return Array(output[..<(output.count - Int(stream.avail_out))])
      }
    }
  }

  static func zstd(_ bytes: [UInt8]) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let count = ZSTD_compress(&output, output.count, bytes, bytes.count, 3)
    return Array(output[..<count])
  }

  private static let files = [
    (path: "./etc/os-release", content: "ID=alpine\nVERSION_ID=3.18.4\n"),
    (path: "lib/apk/db/installed", content: "P:musl\nV:1.2.4-r2\no:musl\n\nP:zlib\nV:1.2.13-r1\n\n"),
  ]

  private static func read(
    _ bytes: [UInt8], limits: ArchiveLimits = ArchiveLimits(), listed: @escaping (ListedFile) -> Void = { _ in }
  ) throws -> LayerInventory {
    try LayerReader.read(MemorySource(bytes), limits: limits, listed: listed)
  }

  @Test(arguments: ["plain", "gzip", "gzip of two members", "gzip with zeros behind", "zstd", "zstd of two frames"])
  func `finds the same however it is packed`(_ packing: String) throws {
    let archive = Self.archive(Self.files)
    let (first, second) = (Array(archive[..<700]), Array(archive[700...]))
    let packed: [UInt8] =
      switch packing {
      case "gzip": Self.gzip(archive)
      case "gzip of two members": Self.gzip(first) + Self.gzip(second)
      case "gzip with zeros behind": Self.gzip(archive) + [UInt8](repeating: 0, count: 300)
      case "zstd": Self.zstd(archive)
      case "zstd of two frames": Self.zstd(first) + Self.zstd(second)
      default: archive
      }
    let inventory = try Self.read(packed)
    #expect(inventory.artefacts.flatMap(\.components).map(\.name) == ["musl", "zlib"])
    #expect(inventory.artefacts.compactMap(\.distribution).map(\.id) == ["alpine"])
    #expect(inventory.figures.fileCount == 2)
    #expect(try LayerInventory(decoding: inventory.encoded()) == inventory)
  }

  @Test(arguments: [false, true]) func `that is cut off anywhere ends with a reason, or with what was whole`(
    isPacked: Bool
  ) throws {
    let archive = Self.archive(Self.files)
    let bytes = isPacked ? Self.gzip(archive) : archive
    let whole = try Self.read(bytes)
    for end in stride(from: 0, to: bytes.count, by: isPacked ? 1 : 13) {
      do throws(LayerError) {
        let found = try LayerReader.read(MemorySource(Array(bytes[..<end])))
        // Between two entries, and in the blocks that end it, an archive may end; what is packed may not.
        #expect(!isPacked || end == 0)
        #expect(found.artefacts.count <= whole.artefacts.count)
      } catch {
        #expect(error.isLasting)
      }
    }
  }

  @Test func `with bytes at random never traps`() throws {
    let archive = Self.archive(Self.files)
    var state: UInt64 = 42
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for bytes in [archive, Self.gzip(archive), Self.zstd(archive)] {
      for _ in 0..<600 {
        var broken = bytes
        for _ in 0...next(4) { broken[next(broken.count)] = UInt8(next(256)) }
        _ = try? Self.read(broken)
      }
    }
  }

  @Test func `that unpacks to far more than its size is refused`() throws {
    var limits = ArchiveLimits()
    limits.ratioFloorBytes = 1 << 16
    limits.ratio = 100
    let bomb = Self.gzip(Self.archive([("zeros", String(repeating: "\0", count: 1 << 20))]))
    #expect(throws: LayerError.limit("it unpacks to more than 100 times its size")) {
      try Self.read(bomb, limits: limits)
    }
    limits = ArchiveLimits()
    limits.uncompressedBytes = 1000
    #expect(throws: LayerError.self) { try Self.read(bomb, limits: limits) }
    limits = ArchiveLimits()
    limits.entryCount = 1
    #expect(throws: LayerError.limit("it has more than 1 entries")) {
      try Self.read(Self.archive(Self.files), limits: limits)
    }
  }

  @Test func `takes nothing from entries that lead out of it, and says so`() throws {
    let bytes =
      Self.entry("../../etc/passwd", Array("x".utf8)) + Self.entry("dev/sda", type: "4")
      + Self.entry("loop", type: "2", link: "loop") + Self.entry("bin/su", Array("x".utf8), mode: 0o4755)
      + [UInt8](repeating: 0, count: 1024)
    var paths: [String] = []
    let inventory = try Self.read(bytes) { paths.append($0.path) }
    #expect(paths == ["dev/sda", "loop", "bin/su"])
    #expect(inventory.notices.map(\.kind) == [.irregular, .irregular, .setUserID])
  }

  @Test func `reads paths of extended headers, and holds them to their limit`() throws {
    let path = String(repeating: "long/", count: 60) + "made-1.dist-info/METADATA"
    func record(_ key: String, _ value: String) -> [UInt8] {
      var length = key.utf8.count + value.utf8.count + 3
      while "\(length)".utf8.count + key.utf8.count + value.utf8.count + 3 != length { length += 1 }
      return Array("\(length) \(key)=\(value)\n".utf8)
    }
    let metadata = Array("Name: made\nVersion: 1\n".utf8)
    let bytes =
      Self.entry("PaxHeaders/x", record("path", path), type: "x") + Self.entry("short", metadata)
      + [UInt8](repeating: 0, count: 1024)
    #expect(try Self.read(bytes).artefacts.map(\.path) == [path])
    #expect(throws: LayerError.self) {
      try Self.read(Self.entry("x", Array("99999 path=x\n".utf8), type: "x") + [UInt8](repeating: 0, count: 1024))
    }
    var limits = ArchiveLimits()
    limits.extendedHeaderBytes = 16
    #expect(throws: LayerError.self) { try Self.read(bytes, limits: limits) }
  }

  @Test func `says of a path that is none why, and of what is no archive that it is none`() throws {
    var archive = TarBuilder()
    archive.extended([(key: "path", value: String(repeating: "d/", count: 300) + "x")])
    archive.file("x")
    archive.extended([(key: "path", value: Array("a\0b".utf8))])
    archive.file("x")
    archive.file("../x")
    archive.link("y", to: "../x", isHard: true)
    #expect(
      try Self.read(archive.finished).notices.map(\.detail) == [
        "its path is deeper than 256 names", "its path has a zero byte in it", "its path leads out of the layer",
        "it is a link whose target leads out of the layer",
      ])
    for text in ["not gzip at all", String(repeating: "no archive ", count: 100)] {
      #expect(throws: LayerError.broken("it is no archive: neither tar, nor packed by gzip, zstd, xz or bzip2")) {
        try Self.read(Array(text.utf8))
      }
    }
  }

  @Test(arguments: ["pax", "GNU"]) func `reads a file whose path is cut off behind a slash in its header`(
    form: String
  ) throws {
    let path = String(repeating: "d", count: 99) + "/made-1.dist-info/METADATA"
    var archive = TarBuilder()
    if form == "GNU" { archive.long(path, flag: "L") } else { archive.extended([(key: "path", value: path)]) }
    archive.file(path, "Name: made\nVersion: 1\n")
    // Before ustar, a folder is a file whose path ends with a slash.
    archive.add(TarBuilder.Header("lib/", flag: "\0"))
    archive.file("lib/apk/db/installed", "P:musl\nV:1.2.4-r2\n\n")
    var listed: [ListedFile] = []
    let inventory = try Self.read(archive.finished) { listed.append($0) }
    #expect(inventory.artefacts.map(\.path) == [path, "lib/apk/db/installed"])
    #expect(listed.map(\.kind) == [.file, .directory, .file])
  }

  @Test func `lists its files in parts that are read back`() throws {
    var parts: [[UInt8]] = []
    var writer = FileListCoding.Writer { parts.append($0) }
    let files = (0..<5000).map {
      ListedFile(
        kind: .file, path: "usr/share/file-\($0)", size: Int64($0), mode: 0o644,
        digest: [UInt8](repeating: 7, count: 32))
    }
    for file in files { writer.add(file) }
    writer.flush()
    #expect(parts.count > 1)
    #expect(try parts.flatMap { try FileListCoding.files(in: $0) } == files)
    #expect(throws: RecordError.self) { try FileListCoding.files(in: Array(parts[0].dropLast(3))) }
  }
}
