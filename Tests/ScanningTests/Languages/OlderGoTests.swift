import Glibc
import Testing

@testable import Scanning

/// Go before 1.18 has its version where its header points to.
@Suite struct `Programs of Go before 1.18` {
  /// A program that was never linked: its text, and variables with the header among them.
  private struct Program {
    var wordBytes = 8
    var isBigEndian = false
    var version = "go1.16.5"
    /// Where the text of the version begins, and the variables do.
    var textOffset = 5000
    var variablesOffset = 70_000
    var isHeaderFirst = true
    /// Of the variables in the table of segments.
    var variablesFlags: UInt64 = 6
    /// What the header points to, beside the right place.
    var error: UInt64 = 0

    private static let base: UInt64 = 0x400000

    private func number(_ value: UInt64, _ count: Int) -> [UInt8] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
      return isBigEndian ? bytes.reversed() : bytes
    }

    private func word(_ value: UInt64) -> [UInt8] { number(value, wordBytes) }

    private func segment(_ offset: Int, _ size: Int, _ flags: UInt64) -> [UInt8] {
      let address = Self.base + UInt64(offset)
      let place = word(UInt64(offset)) + word(address) + word(address) + word(UInt64(size)) + word(UInt64(size))
      return wordBytes == 8
        ? number(1, 4) + number(flags, 4) + place + word(4096) : number(1, 4) + place + number(flags, 4) + word(4096)
    }

    var bytes: [UInt8] {
      let (headerBytes, entryBytes) = wordBytes == 8 ? (64, 56) : (52, 32)
      var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, wordBytes == 8 ? 2 : 1, isBigEndian ? 2 : 1, 1, 0]
      bytes += [UInt8](repeating: 0, count: 8) + number(2, 2) + number(62, 2) + number(1, 4)
      bytes += word(0) + word(UInt64(headerBytes)) + word(0) + number(0, 4)
      bytes += number(UInt64(headerBytes), 2) + number(UInt64(entryBytes), 2) + number(2, 2)
      bytes += [UInt8](repeating: 0, count: headerBytes - bytes.count)
      bytes += segment(0, variablesOffset, 5) + segment(variablesOffset, 4096, variablesFlags)
      bytes += [UInt8](repeating: 0x78, count: textOffset - bytes.count)
      // Texts stand one behind the other, without an end.
      bytes += Array("\(version)go1.1 is another textgo1.".utf8)
      bytes += [UInt8](repeating: 0x79, count: variablesOffset - bytes.count)

      let (header, place) = isHeaderFirst ? (0, 1024) : (1024, 512)
      var variables = [UInt8](repeating: 0, count: 4096)
      func put(_ part: [UInt8], at position: Int) {
        variables.replaceSubrange(position..<position + part.count, with: part)
      }
      let pointer = Self.base + UInt64(variablesOffset + place) &+ error
      put([0xFF] + Array(" Go buildinf:".utf8) + [UInt8(wordBytes), isBigEndian ? 1 : 0] + word(pointer), at: header)
      put(word(Self.base + UInt64(textOffset)) + word(UInt64(version.utf8.count)), at: place)
      return bytes + variables + [UInt8](repeating: 1, count: 200_000)
    }
  }

  @Test(arguments: [8, 4], [false, true])
  func `tell the version of Go, whatever the width and order of their words`(wordBytes: Int, isBigEndian: Bool) throws {
    for isHeaderFirst in [true, false] {
      let program = Program(wordBytes: wordBytes, isBigEndian: isBigEndian, isHeaderFirst: isHeaderFirst)
      #expect(try LanguageFile.packages("app", program.bytes) == ["stdlib 1.16.5"])
    }
  }

  /// Around the ends of the windows in which a program is looked through.
  @Test(arguments: [65_408, 65_530, 65_536, 261_952, 262_016, 262_144])
  func `tell it wherever it stands`(place: Int) throws {
    for shift in stride(from: -24, through: 24, by: 8) {
      let text = Program(textOffset: place + shift, variablesOffset: 1 << 20)
      #expect(try LanguageFile.packages("app", text.bytes) == ["stdlib 1.16.5"], "\(shift)")
      for isHeaderFirst in [true, false] {
        let variables = Program(
          variablesOffset: (place + shift - 1024) / 16 * 16, isHeaderFirst: isHeaderFirst)
        #expect(try LanguageFile.packages("app", variables.bytes) == ["stdlib 1.16.5"], "\(shift)")
      }
    }
  }

  @Test func `tell none where the header points to none`() throws {
    let wrong = [
      Program(variablesFlags: 5), Program(error: 8), Program(error: 1), Program(error: UInt64(bitPattern: -0x400000)),
      Program(version: "go1.\n"), Program(version: "go1." + String(repeating: "1", count: 80)),
    ]
    for program in wrong { #expect(try LanguageFile.packages("app", program.bytes).isEmpty) }
  }

  @Test func `that are broken say nothing, and never break the layer`() throws {
    let whole = Array(Program(variablesOffset: 6016).bytes.prefix(11_000))
    var state: UInt64 = 3
    func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    for round in 0..<1000 {
      var damaged = whole
      // The head and its table of segments, or all of it.
      for _ in 0..<4 { damaged[next(round % 2 == 0 ? 176 : whole.count)] = UInt8(next(256)) }
      if round % 5 == 0 { damaged.removeLast(next(10_000)) }
      _ = try LanguageFile.inventory("app", damaged)
    }
  }

  /// A program that is here is of a newer Go, but has the text and what points to it all the same.
  @Test func `tell it as a linker lays it out`() throws {
    let file = try #require(fopen("/usr/bin/skopeo", "r"), "the package skopeo is among those that tests need")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
    let found = try LanguageFile.packages("usr/bin/skopeo", bytes).filter { $0.hasPrefix("stdlib") }

    let start = [0xFF] + Array(" Go buildinf:".utf8)
    func places(of needle: [UInt8], step: Int = 1) -> [Int] {
      bytes.withUnsafeBytes { all in
        var places: [Int] = []
        var from = 0
        while let next = UnsafeRawBufferPointer(rebasing: all[from...]).position(of: needle) {
          if (from + next) % step == 0 { places.append(from + next) }
          from += next + 1
        }
        return places
      }
    }
    let header = try #require(places(of: start, step: 16).first { bytes[$0 + 14] == 8 && bytes[$0 + 15] == 2 })
    let length = Int(bytes[header + 32])
    let version = Array(bytes[(header + 33)..<(header + 33 + length)])
    // Debian's is not to be moved, and loads each part where its segment says.
    func number(_ position: Int) -> Int {
      bytes[position..<position + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    let segments = (0..<Int(bytes[56])).map { number(32) + $0 * 56 }.filter { bytes[$0] == 1 }
    func address(_ place: Int) -> Int? {
      segments.first { number($0 + 8) <= place && place < number($0 + 8) + number($0 + 32) }
        .map { number($0 + 16) + place - number($0 + 8) }
    }
    func word(_ value: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    let pointers = places(of: version).compactMap(address).flatMap { places(of: word($0) + word(length), step: 8) }
    let pointer = try #require(pointers.compactMap(address).first)
    bytes.replaceSubrange(
      (header + 15)..<(header + 33 + length), with: [0] + word(pointer) + [UInt8](repeating: 0, count: 9 + length))
    #expect(try LanguageFile.packages("usr/bin/skopeo", bytes).filter { $0.hasPrefix("stdlib") } == found)
    #expect(found.count == 1)
  }
}
