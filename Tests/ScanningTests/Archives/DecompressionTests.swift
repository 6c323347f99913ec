import Testing

@testable import Scanning

@Suite("Decompression")
struct DecompressionTests {
  /// Everything that comes out, in reads of a given size.
  static func unpacked(
    _ source: any ByteSource, readBytes: Int = 4096, limits: ArchiveLimits = ArchiveLimits(),
    gzip: GzipEngine = .fastest
  ) throws -> [UInt8] {
    var limits = limits
    limits.gzip = gzip
    var source = try DecompressedSource(source, limits: limits)
    var result: [UInt8] = []
    var space = [UInt8](repeating: 0, count: readBytes)
    while true {
      let count = try space.withUnsafeMutableBytes { space throws(LayerError) in try source.read(into: space) }
      guard count > 0 else { return result }
      result += space[..<count]
    }
  }

  /// Some of it repeats and some does not.
  static let sample: [UInt8] = {
    var numbers = TestNumbers(7)
    return (0..<40).flatMap { line -> [UInt8] in
      Array("line \(line % 7) of a text that repeats itself, more or less\n".utf8) + numbers.bytes(line % 5)
    }
  }()

  struct Case: Sendable, CustomTestStringConvertible {
    let compression: Compression
    let gzip: GzipEngine
    var testDescription: String { "\(compression) \(gzip)" }
  }

  static let cases =
    Compression.allCases.map { Case(compression: $0, gzip: .fastest) } + [Case(compression: .gzip, gzip: .zlib)]
  static let packedCases = cases.filter { $0.compression != .none }

  @Test("What was packed comes out, however small the pieces are", arguments: cases)
  func roundTrip(_ item: Case) throws {
    let packed = try Packing.packed(Self.sample, item.compression)
    for pieceBytes in [1, 2, 3, 17, 100_000] {
      for readBytes in [1, 5, 512, 1 << 17] {
        let source = DribblingSource(packed, pieceBytes: pieceBytes)
        #expect(try Self.unpacked(source, readBytes: readBytes, gzip: item.gzip) == Self.sample)
      }
    }
  }

  @Test("A large stream comes out through many windows of the decoders", arguments: cases)
  func large(_ item: Case) throws {
    var numbers = TestNumbers(3)
    let piece = numbers.bytes(50_000)
    let bytes = (0..<12).flatMap { piece[($0 * 1000)...] }
    let packed = try Packing.packed(bytes, item.compression)
    let source = DribblingSource(packed, pieceBytes: 9973)
    #expect(try Self.unpacked(source, readBytes: 7919, gzip: item.gzip) == bytes)
  }

  @Test("Several members are one stream, also with zeros behind them", arguments: packedCases)
  func members(_ item: Case) throws {
    let member = try Packing.packed(Self.sample, item.compression)
    let empty = try Packing.packed([], item.compression)
    let zeros = [UInt8](repeating: 0, count: 1024)
    for pieceBytes in [1, 1 << 20] {
      let source = DribblingSource(member + empty + member + zeros, pieceBytes: pieceBytes)
      #expect(try Self.unpacked(source, gzip: item.gzip) == Self.sample + Self.sample)
    }
  }

  @Test("What is no member behind a member is an error", arguments: packedCases)
  func garbage(_ item: Case) throws {
    let member = try Packing.packed(Self.sample, item.compression)
    for tail in [[0x41], [0, 0, 0, 0x41], Array("garbage".utf8), [UInt8](repeating: 0, count: 300_000) + [7]] {
      let name = item.compression.rawValue
      #expect(throws: LayerError.broken("bytes that are no \(name) follow its \(name) stream")) {
        try Self.unpacked(MemorySource(member + tail), gzip: item.gzip)
      }
    }
  }

  @Test("A stream that ends anywhere in the middle is an error", arguments: packedCases)
  func truncated(_ item: Case) throws {
    let packed = try Packing.packed(Self.sample, item.compression)
    // Below, its first bytes do not tell what it is.
    for count in Compression.magicBytes..<packed.count {
      #expect(throws: LayerError.self, "\(count)") {
        try Self.unpacked(MemorySource(Array(packed[..<count])), gzip: item.gzip)
      }
    }
  }

  @Test("A changed byte is found, or changes nothing that is read", arguments: packedCases)
  func damaged(_ item: Case) throws {
    let packed = try Packing.packed(Self.sample, item.compression)
    for position in packed.indices {
      var damaged = packed
      damaged[position] ^= 0x10
      // The first bytes make it another format; some bytes of headers say nothing of the content.
      if let result = try? Self.unpacked(MemorySource(damaged), gzip: item.gzip) {
        #expect(result == Self.sample || position < Compression.magicBytes, "\(position)")
      }
    }
  }

  @Test("Random bytes behind a right beginning end with a reason", arguments: packedCases)
  func random(_ item: Case) throws {
    let packed = try Packing.packed(Self.sample, item.compression)
    for seed in 0..<200 as Range<UInt64> {
      var numbers = TestNumbers(seed)
      let source = MemorySource(Array(packed[..<(10 + Int(seed % 60))]) + numbers.bytes(400))
      do { _ = try Self.unpacked(source, gzip: item.gzip) } catch {
        #expect((error as? LayerError)?.isLasting == true)
      }
    }
  }

  @Test("Frames of zstd that are to be skipped are skipped, also at the beginning")
  func skippable() throws {
    let frame = try Packing.zstd(Self.sample)
    let skipped = Packing.skippableFrame(Array("not to be read".utf8))
    #expect(try Self.unpacked(MemorySource(skipped + frame + skipped + frame)) == Self.sample + Self.sample)
    #expect(try Self.unpacked(MemorySource(skipped)).isEmpty)
  }

  @Test("A window that is too large is refused, and one at the limit is taken")
  func windows() throws {
    var limits = ArchiveLimits()
    limits.windowLog = 20
    let bytes = [UInt8](repeating: 1, count: 3 << 20)
    #expect(try Self.unpacked(MemorySource(Packing.zstd(bytes, windowLog: 20)), limits: limits).count == bytes.count)
    #expect(throws: LayerError.limit("its zstd stream needs a larger window than is taken")) {
      try Self.unpacked(MemorySource(Packing.zstd(bytes, windowLog: 21)), limits: limits)
    }
    // The smallest preset has a window of 256 KiB, the sixth one of 8 MiB; beside it some 16 MiB are allowed.
    #expect(try Self.unpacked(MemorySource(Packing.xz(bytes, preset: 0)), limits: limits).count == bytes.count)
    #expect(throws: LayerError.limit("its xz stream needs a larger window than is taken")) {
      try Self.unpacked(MemorySource(Packing.xz(bytes, preset: 9)), limits: limits)
    }
  }

  @Test("A bomb ends at the ratio, or at the total", arguments: packedCases)
  func bombs(_ item: Case) throws {
    let packed = try Packing.packed([UInt8](repeating: 0, count: 4 << 20), item.compression)
    var limits = ArchiveLimits()
    limits.ratioFloorBytes = 1 << 20
    limits.denseRatioFloorBytes = 1 << 20
    limits.ratio = 100
    #expect(throws: LayerError.limit("it unpacks to more than 100 times its size")) {
      try Self.unpacked(MemorySource(packed), limits: limits, gzip: item.gzip)
    }
    limits = ArchiveLimits()
    limits.uncompressedBytes = 2 << 20
    #expect(throws: LayerError.limit("it unpacks to more than \(2 << 20) bytes")) {
      try Self.unpacked(MemorySource(packed), limits: limits, gzip: item.gzip)
    }
  }

  @Test(
    "A large file of zeros is no bomb, however small it is packed",
    arguments: packedCases.filter { [.gzip, .zstd].contains($0.compression) })
  func zeros(_ item: Case) throws {
    let packed = try Packing.packed([UInt8](repeating: 0, count: 1 << 20), item.compression)
    var limits = ArchiveLimits()
    limits.gzip = item.gzip
    var source = try DecompressedSource(MemorySource((0..<100).flatMap { _ in packed }), limits: limits)
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { space.deallocate() }
    var found = 0
    while true {
      let read = try source.read(into: space)
      guard read > 0 else { break }
      found += read
    }
    #expect(found == 100 << 20)
  }

  @Test("What is packed twice is unpacked once")
  func nested() throws {
    let once = try Packing.gzip(Self.sample)
    #expect(try Self.unpacked(MemorySource(Packing.gzip(once))) == once)
  }

  @Test("A descriptor that cannot be read is no fault of the layer")
  func unreadable() throws {
    #expect { try Self.unpacked(DescriptorSource(-1)) } throws: { ($0 as? LayerError)?.isLasting == false }
  }
}
