import OCI
import Testing

private let goodTexts: [(String, JSONValue)] = [
  ("null", .null), (" true ", true), ("false", false), ("0", 0), ("-0", 0), ("-12", -12), ("1.5", 1.5), ("1e2", 100.0),
  ("1E+2", 100.0), ("25e-1", 2.5), ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
  ("9223372036854775808", .number(9_223_372_036_854_775_808)), (#""""#, ""), (#""a""#, "a"), ("[]", []), ("{}", [:]),
  (" [ 1 , \"a\" , [ ] ]\r\n\t", [1, "a", []]), (#"{"b":1,"a":{"c":null}}"#, ["b": 1, "a": ["c": nil]]),
  (#""\"\\\/\b\f\n\r\t\u0041""#, "\"\\/\u{8}\u{c}\n\r\tA"), (#""\u00e4\u20AC\ud83d\ude00\u0000""#, "ä€😀\0"),
  (#""ä€😀""#, "ä€😀"),
  ("\"\u{7f}\u{2028}\"", "\u{7f}\u{2028}"),
]

private let brokenTexts: [String] = [
  "", " ", "nul", "nulls", "True", "'a'", "01", "-", "-01", "+1", "1.", ".5", "1e", "1e+", "0x1", "1e999", "-1e999",
  "NaN",
  "Infinity", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
  "{\"a\" 1}",
  "{a:1}", "{1:2}", "{\"a\":1 \"b\":2}", "1 2", "{}{}", "[]]", "\"", "\"a", "\"\\", "\"\\\"", "\"\\a\"", "\"\\u\"",
  "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\n\"",
  "\"\t\"",
  "\"\u{1f}\"", "\"\\n\u{1}\"", "\u{feff}{}", "/**/1", "1,", "\u{a0}1", "{\"a\":1}\0",
]

@Suite struct JSONTests {
  @Test(arguments: goodTexts)
  func `JSON is read`(_ text: String, _ expected: JSONValue) throws {
    #expect(try JSONValue.parse(text) == expected)
  }

  @Test(arguments: brokenTexts)
  func `what is not JSON is refused`(_ text: String) {
    #expect(refusal { () throws(ParseError) in try JSONValue.parse(text) }?.kind == .json)
  }

  /// Strings are looked through eight bytes at a time.
  @Test func `what ends a string, is escaped in it or must not be in it is found wherever it stands`() throws {
    for length in 0..<20 {
      let before = String(repeating: "a", count: length)
      for after in ["", "b", "bcdefghi", "ä!#\u{7f}€😀"] {
        #expect(try JSONValue.parse("\"\(before)\(after)\"") == .string(before + after))
        #expect(try JSONValue.parse("\"\(before)\\\"\(after)\"") == .string(before + "\"" + after))
        #expect(try JSONValue.parse("\"\(before)\\\\\(after)\"") == .string(before + "\\" + after))
        #expect(try JSONValue.parse("[\"\(before)\",\"\(after)\"]") == [.string(before), .string(after)])
        for control in ["\u{0}", "\t", "\n", "\u{1f}"] {
          for escape in ["", "\\n"] {
            let text = "\"\(before)\(escape)\(control)\(after)\""
            #expect(refusal { () throws(ParseError) in try JSONValue.parse(text) }?.kind == .json)
          }
        }
        #expect(refusal { () throws(ParseError) in try JSONValue.parse("\"\(before)\(after)") }?.kind == .json)
      }
    }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    // alone, overlong, surrogate, beyond the last scalar, cut short
    let sequences: [[UInt8]] = [
      [0xff], [0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82],
    ]
    for sequence in sequences {
      for before in [[], Array("\\n".utf8)] {
        let bytes = [UInt8(ascii: "\"")] + before + sequence + [UInt8(ascii: "\"")]
        #expect(refusal { () throws(ParseError) in try json(bytes) }?.kind == .json)
      }
    }
  }

  @Test func `depth is limited, whatever opens it`() throws {
    func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
      Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8)
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
      _ = try json(nested(64, open, close))
      #expect(refusal { () throws(ParseError) in try json(nested(65, open, close)) } != nil)
      #expect(refusal { () throws(ParseError) in try json(nested(3, open, close), depthLimit: 2) } != nil)
      #expect(refusal { () throws(ParseError) in try json(nested(200_000, open, ""), depthLimit: .max) } != nil)
    }
  }

  @Test func `the number of values is limited`() throws {
    let most = "[" + String(repeating: "0,", count: JSONValue.valueLimit - 2) + "0]"
    #expect(try JSONValue.parse(most).array?.count == JSONValue.valueLimit - 1)
    #expect(refusal { () throws(ParseError) in try JSONValue.parse("[0," + most.dropFirst()) }?.kind == .json)
  }

  @Test func `a key that stands twice is found, in small objects and in large ones`() throws {
    for count in [2, 12, 13, 500] {
      let keys = (1..<count).map { "\"k\($0)\":0" }
      let single = try JSONValue.parse("{" + keys.joined(separator: ",") + "}")
      #expect(single.object?.duplicateKey == nil)
      let double = try JSONValue.parse("{" + (keys + ["\"\\u006b1\":1"]).joined(separator: ",") + "}")
      #expect(double.object?.duplicateKey == "k1")
      #expect(double["k1"] == 0)
    }
  }

  @Test func `what is written keeps its order and is escaped`() {
    let value: JSONValue = [
      "z": [1, -2, 1.5, true, nil], "a": "\"\\\u{0}\u{8}\t\n\u{c}\r\u{1f}/ä😀", "e": [:], "f": [],
    ]
    let expected = #"{"z":[1,-2,1.5,true,null],"a":"\"\\\u0000\b\t\n\f\r\u001f/ä😀","e":{},"f":[]}"#
    #expect(value.text == expected)
    #expect(JSONValue.number(.infinity).text == "null")
  }

  @Test func `reading and writing are inverse`() throws {
    var random = SeededRandom(seed: 41)
    for _ in 0..<500 {
      let value = randomValue(depth: 5, using: &random)
      #expect(try JSONValue.parse(value.text) == value)
      #expect(try json(value.bytes) == value)
    }
  }

  @Test func `a value answers only as what it is`() {
    let value: JSONValue = ["a": 1, "b": "x", "c": [nil], "d": false]
    #expect(value["a"]?.integer == 1 && value["a"]?.string == nil)
    #expect(value["b"]?.string == "x" && value["b"]?.array == nil)
    #expect(value["c"]?.array == [nil] && value["c"]?.object == nil)
    #expect(value["d"]?.bool == false && value["d"]?.integer == nil)
    #expect(value["e"] == nil && value["a"]?["b"] == nil)
    #expect(value.object?.members.map(\.key) == ["a", "b", "c", "d"])
  }
}

private func randomValue(depth: Int, using random: inout SeededRandom) -> JSONValue {
  switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
  case 0: return .null
  case 1: return .bool(Bool.random(using: &random))
  case 2: return .integer(Int64(bitPattern: random.next()))
  case 3: return .number(Double(bitPattern: random.next() & 0xffe7_ffff_ffff_ffff) + 0.5)
  case 4: return .string(random.text(of: "ab\"\\/\n\r\t\0\u{1f}\u{7f}ä€😀", count: 0...20))
  case 5:
    return .array(
      (0..<Int.random(in: 0..<5, using: &random)).map { _ in randomValue(depth: depth - 1, using: &random) })
  default:
    return .object(
      JSONObject(
        (0..<Int.random(in: 0..<5, using: &random)).map { index in
          JSONObject.Member(key: "\(index)ä\"", value: randomValue(depth: depth - 1, using: &random))
        }))
  }
}
