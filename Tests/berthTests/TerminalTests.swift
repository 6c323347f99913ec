import OCI
import Testing

@testable import berth

/// What clients of a server have made up stands in tables, and must not move the cursor of who looks at them.
@Suite struct `Texts at a terminal` {
  @Test(arguments: [
    ("\u{1b}[31mEVIL\r\n2026-11-26  login  done  admin", #"\u001b[31mEVIL\u000d\u000a2026-11-26  login  done  admin"#),
    ("a\u{0}b\u{7f}c\u{9b}31m", #"a\u0000b\u007fc\u009b31m"#), ("\u{202e}nimda", #"\u202enimda"#),
    ("grün ✓ 日本", "grün ✓ 日本"), ("", ""),
  ])
  func `stand on one line of a table, whatever they hold`(text: String, shown: String) {
    #expect(RemoteOptions.cell(.string(text)) == shown)
    #expect(RemoteOptions.cell(.array([.string(text)])) == (shown))
    #expect(RemoteOptions.cell(.object(JSONObject([.init(key: text, value: .string(text))]))) == "\(shown)=\(shown)")
  }

  @Test func `keep their lines where they are printed as they are, and stay JSON`() throws {
    #expect(forTerminal("a\n\tb\u{1b}[2J\u{9b}c\r") == "a\n\tb\\u001b[2J\\u009bc\\u000d")
    let value: JSONValue = ["a": "\u{9b}\u{7f}\u{1b}"]
    #expect(try JSONValue.parse(forTerminal(value.text)) == value)
  }
}
