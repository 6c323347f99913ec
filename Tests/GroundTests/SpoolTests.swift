import Glibc
import Ground
import TestSupport
import Testing

@Suite struct `A spool` {
  private static func spool(_ texts: String...) throws -> Spool {
    let spool = try Spool()
    for text in texts { try Array(text.utf8).withUnsafeBytes { try spool.append($0) } }
    return spool
  }

  private static func lines(of spool: Spool, limitBytes: Int = 1 << 20) throws -> [String] {
    var lines = spool.lines(limitBytes: limitBytes)
    var found: [String] = []
    while let line = try lines.next({ String(decoding: $0, as: UTF8.self) }) { found.append(line) }
    #expect(try lines.next { $0.count } == nil)
    return found
  }

  @Test func `gives the lines that were written, as often as it is asked`() throws {
    let long = String(repeating: "x", count: 700_000)
    let spool = try Self.spool("one\n\ntw", "o\n", long, "\nlast")
    for _ in 0..<2 { #expect(try Self.lines(of: spool) == ["one", "two", long, "last"]) }
    #expect(spool.sizeBytes == 700_000 + 14)
    #expect(try Self.lines(of: try Self.spool()).isEmpty)
    #expect(try Self.lines(of: try Self.spool("\n\n")).isEmpty)
  }

  @Test func `gives no line that is too long`() throws {
    for text in ["123456\n", "123456", "1\n123456\n1\n"] {
      #expect(throws: Spool.Failure.line(limitBytes: 5)) { try Self.lines(of: try Self.spool(text), limitBytes: 5) }
    }
    #expect(try Self.lines(of: try Self.spool("12345\n12345"), limitBytes: 5) == ["12345", "12345"])
  }

  @Test func `has no name, and needs a folder that is there`() throws {
    let folder = try temporaryDirectory()
    let spool = try Spool(in: folder)
    try Array("kept".utf8).withUnsafeBytes { try spool.append($0) }
    // Were there a file in it, this would say so.
    #expect(rmdir(folder) == 0)
    #expect(try Self.lines(of: spool) == ["kept"])
    #expect(throws: Spool.Failure.self) { try Spool(in: folder) }
  }
}
