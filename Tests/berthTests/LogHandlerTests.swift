import Foundation
import Ground
import Logging
import OCI
import Testing

@testable import berth

@Suite struct `Lines of the server's log` {
  private static let evil = "a\"b\\c\r\n2026 fake\u{1b}[31m\u{7f}\u{9b}2J\u{2028}\u{202e}nimda ü✓"
  private static let escaped = #"a\"b\\c\u000d\u000a2026 fake\u001b[31m\u007f\u009b2J\u2028\u202enimda ü✓"#

  private func lines(isJSON: Bool, level: Logger.Level = .info, _ body: (Logger) -> Void) throws -> [String] {
    let path = FileManager.default.temporaryDirectory.path + "/berth-log-\(UUID().uuidString)"
    let descriptor = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer {
      close(descriptor)
      unlink(path)
    }
    let writer = LineWriter(descriptor: descriptor, flushesEachLine: false)
    let output = LineLogHandler.Output(writer: writer, isJSON: isJSON, level: level)
    body(Logger(label: "test") { _ in LineLogHandler(output: output) })
    writer.flush()
    return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  @Test func `are text, in which no value ends a line or moves a cursor`() throws {
    let found = try lines(isJSON: false) {
      $0.warning("something failed", metadata: ["z": "1", "cause": "\(Self.evil)"])
    }
    try #require(found.count == 1)
    #expect(found[0].hasSuffix(#" warning something failed cause="\#(Self.escaped)" z="1""#), "\(found[0])")
  }

  @Test func `are JSON, which gives back what was said`() throws {
    let found = try lines(isJSON: true) { $0.error("something failed", metadata: ["cause": "\(Self.evil)"]) }
    try #require(found.count == 1)
    #expect(found[0].contains(Self.escaped))
    let line = try JSONValue.parse(found[0])
    #expect(line["level"] == "error" && line["message"] == "something failed")
    #expect(line["cause"]?.string == Self.evil)
    #expect(Timestamp(parsing: line["time"]?.string ?? "") != nil)
  }

  @Test func `below the level are left out`() throws {
    let found = try lines(isJSON: false, level: .warning) {
      $0.info("quiet")
      $0.warning("loud")
    }
    #expect(found.count == 1 && found.first?.hasSuffix(" warning loud") == true)
  }
}
