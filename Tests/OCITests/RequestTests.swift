import OCI
import Testing

private let rangeHeaders: [(String, RangeRequest?)] = [
  ("bytes=0-499", .from(first: 0, last: 499)), ("bytes=500-", .from(first: 500, last: nil)),
  ("bytes=-500", .suffix(500)),
  ("bytes=0-0", .from(first: 0, last: 0)), ("Bytes=1-2", .from(first: 1, last: 2)),
  (" bytes= 1-2 ", .from(first: 1, last: 2)),
  ("bytes=-0", .suffix(0)), ("bytes=007-8", .from(first: 7, last: 8)),
  ("bytes=1-99999999999999999999", .from(first: 1, last: .max)),
  ("bytes=99999999999999999999-", .from(first: .max, last: nil)),
  // RFC 9110, 14.1.1: "An int-range is invalid if the last-pos value is present and less than first-pos."
  ("bytes=", nil), ("bytes", nil), ("", nil), ("bytes=-", nil), ("bytes=a-b", nil),
  ("bytes=1", nil),
  ("bytes=--1", nil), ("bytes=1--2", nil), ("bytes=+1-2", nil), ("bytes=0x1-2", nil), ("bytes =1-2", nil),
  ("items=0-1", nil),
  ("bytes=1 -2", nil), ("bytes=0-1,3-4", nil), ("bytes=0-1,", nil), ("0-1", nil), ("bytes:0-1", nil),
]

private let resolutions: [(RangeRequest, Int64, ByteRange?)] = [
  (.from(first: 0, last: 499), 1000, ByteRange(first: 0, last: 499)),
  (.from(first: 0, last: nil), 1, ByteRange(first: 0, last: 0)),
  (.from(first: 999, last: 5000), 1000, ByteRange(first: 999, last: 999)), (.from(first: 1000, last: nil), 1000, nil),
  (.from(first: .max, last: .max), .max, nil), (.from(first: 0, last: nil), 0, nil), (.suffix(0), 10, nil),
  (.suffix(3), 0, nil),
  (.suffix(3), 10, ByteRange(first: 7, last: 9)), (.suffix(30), 10, ByteRange(first: 0, last: 9)),
  (.suffix(.max), .max, ByteRange(first: 0, last: .max - 1)), (.from(first: -1, last: 5), 10, nil),
  (.from(first: 5, last: 4), 10, nil),
]

private let contentRanges: [(String, Int64, Int64)] = [
  ("0-1023", 0, 1023), ("5-5", 5, 5), ("bytes 0-1023/*", 0, 1023), ("bytes=0-1023", 0, 1023),
  ("bytes 0-1023/1024", 0, 1023),
  ("BYTES 1-2/*", 1, 2), (" 1-2 ", 1, 2), ("0-9223372036854775806", 0, .max - 1),
]

private let brokenQueries: [String] = [
  "a=%", "a=%4", "a=%4g", "a=%+1", "a=%ff", "%c3=1", "a=%00", "a=\0", String(repeating: "a=1&", count: 129),
  String(repeating: "a", count: 24 * 1024 + 1),
]

@Suite struct RangeTests {
  @Test(arguments: rangeHeaders)
  func `one range of bytes is read, anything else is ignored`(_ header: String, _ expected: RangeRequest?) {
    #expect(RangeRequest.parse(header: header) == expected)
  }

  @Test(arguments: resolutions)
  func `a range is cut to what exists`(_ request: RangeRequest, _ size: Int64, _ expected: ByteRange?) {
    #expect(request.resolve(size: size) == expected)
  }

  @Test func `every satisfiable range lies within the content`() {
    for size in Int64(0)...6 {
      for first in Int64(0)...7 {
        for last in first...8 {
          let expected = (0..<size).filter { first...last ~= $0 }
          let range = RangeRequest.from(first: first, last: last).resolve(size: size)
          #expect(range.map { Array($0.first...$0.last) } ?? [] == expected)
          #expect(range?.count ?? 0 == Int64(expected.count))
        }
        #expect(RangeRequest.suffix(first).resolve(size: size)?.count ?? 0 == min(first, size))
      }
    }
  }

  @Test(arguments: contentRanges)
  func `the place of a chunk is read`(_ text: String, _ first: Int64, _ last: Int64) throws {
    let range = try ContentRange(parsing: text)
    #expect(range.first == first && range.last == last && range.count == last - first + 1)
  }

  @Test(
    arguments: [
      "", "-", "0-", "-5", "5-4", "a-b", "0--1", "bytes 0-1/1", "bytes 0-1/", "bytes */10", "bytes 0-1/x",
      "items 0-1/2", "0-1-2",
      "bytes:0-1", "0-9223372036854775807", "0-99999999999999999999", "0 - 1", "bytes0-1",
    ] as [String])
  func `any other place is refused`(_ text: String) {
    #expect(refusal { () throws(ParseError) in try ContentRange(parsing: text) }?.kind == .range)
  }
}

@Suite struct QueryTests {
  @Test func `parameters are decoded, in order`() throws {
    let query = try Query(parsing: "digest=sha256%3Aab&mount=x&mount=y%2fz&empty=&bare&&=v&a%20b=%C3%A4")
    #expect(query.first("digest") == "sha256:ab")
    #expect(query.all("mount") == ["x", "y/z"])
    #expect(query.first("empty") == "" && query.first("bare") == "" && query.first("") == "v")
    #expect(query.first("a b") == "ä")
    #expect(query.first("none") == nil && query.all("none").isEmpty)
    #expect(try Query(parsing: "").parameters.isEmpty)
    #expect(try Query(parsing: "a=b=c").first("a") == "b=c")
  }

  @Test func `a plus sign stays one`() throws {
    let query = try Query(parsing: "artifactType=application/vnd.example.sbom+json&artifactType=a/b%2Bc")
    #expect(query.all("artifactType") == ["application/vnd.example.sbom+json", "a/b+c"])
  }

  @Test(arguments: brokenQueries)
  func `a query that cannot be decoded or is too large is refused`(_ text: String) {
    #expect(refusal { () throws(ParseError) in try Query(parsing: text) }?.kind == .parameter)
  }

  @Test func `the largest query is read`() throws {
    #expect(try Query(parsing: String(repeating: "a=1&", count: 128)).all("a").count == 128)
    #expect(try Query(parsing: "a=" + String(repeating: "b", count: 8190)).first("a")?.utf8.count == 8190)
  }
}

@Suite struct AnswerTests {
  // "The code field MUST be a unique identifier, containing only uppercase alphabetic characters and underscores."
  @Test func `codes are spelled as the specification says`() {
    for code in ErrorCode.allCases {
      #expect(code.rawValue.allSatisfy { ("A"..."Z").contains($0) || $0 == "_" })
    }
    #expect(Set(ErrorCode.allCases.map(\.rawValue)).count == ErrorCode.allCases.count)
    #expect(ErrorCode.tooManyRequests.rawValue == "TOOMANYREQUESTS")
  }

  @Test func `an error body is the envelope of the specification`() throws {
    let plain = ErrorEnvelope.errorBody(code: .nameInvalid, message: "a \"b\"")
    #expect(String(decoding: plain, as: UTF8.self) == #"{"errors":[{"code":"NAME_INVALID","message":"a \"b\""}]}"#)
    let detailed = ErrorEnvelope.errorBody(
      code: .manifestBlobUnknown, message: "m", detail: ["digest": .string(digestA)])
    #expect(try json(detailed)["errors"]?.array?.first?["detail"]?["digest"]?.string == digestA)
  }

  @Test func `a list of tags in one text`() throws {
    var list = try TagList(parsingJoined: Array("1,latest,v2.0".utf8))
    #expect(list.count == 3)
    #expect(list.elements.map(\.text) == ["1", "latest", "v2.0"])
    #expect(list == TagList(list.elements))
    for left in [["1", "latest"], ["1"], []] {
      list.removeLast()
      #expect(list.elements.map(\.text) == left)
      #expect(list.count == left.count)
      #expect(list.last?.text == left.last)
    }
    list.removeLast()
    #expect(try TagList(parsingJoined: []) == list)
    for broken in [",", "a,", ",a", "a,,b", "a\",b", "-a", "a," + String(repeating: "x", count: 129)] {
      #expect(throws: ParseError.self) { try TagList(parsingJoined: Array(broken.utf8)) }
    }
  }

  @Test func `listings have the form of the specification`() throws {
    let name = try RepositoryName(parsing: "a/b")
    let tags = try ["1", "latest"].map { try Tag(parsing: $0) }
    #expect(
      String(decoding: Listing.tags(of: name, TagList(tags)), as: UTF8.self) == #"{"name":"a/b","tags":["1","latest"]}"#
    )
    // without tags: a list, never null
    #expect(String(decoding: Listing.tags(of: name, TagList([])), as: UTF8.self) == #"{"name":"a/b","tags":[]}"#)
    #expect(String(decoding: Listing.catalog([name]), as: UTF8.self) == #"{"repositories":["a/b"]}"#)
    let descriptor = Descriptor(
      mediaType: .ociManifest, digest: try Digest(parsing: digestA), size: 1, annotations: ["k": "v"],
      artifactType: .emptyJSON)
    let read = try manifest(Listing.referrers([descriptor]))
    #expect(read.mediaType == .ociIndex && read.manifests == [descriptor])
    #expect(try manifest(Listing.referrers([]), .ociIndex).manifests.isEmpty)
  }

  @Test(
    "a parameter's value is percent-encoded, but for what RFC 3986 leaves unreserved",
    arguments: [
      ("", ""), ("abc-._~XYZ019", "abc-._~XYZ019"), ("a/b", "a%2Fb"), ("sha256:ab", "sha256%3Aab"),
      ("a b+c&d=e", "a%20b%2Bc%26d%3De"), ("\u{e9}", "%C3%A9"), ("<\"\r\n>", "%3C%22%0D%0A%3E"), ("%", "%25"),
    ])
  func percentCoding(_ text: String, _ expected: String) {
    #expect(PercentCoding.encoded(text) == expected)
  }
}
