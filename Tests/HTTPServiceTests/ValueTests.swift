import Ground
import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPService

/// The small parts, by their tables.
@Suite("parts of the HTTP service")
struct ValueTests {
  static let origins: [(KeyValuePairs<String, String>, String?)] = [
    ([:], nil),
    (["host": "a"], nil),
    (["x-forwarded-proto": "https", "host": "a:5000"], "https://a:5000"),
    (["x-forwarded-proto": "HTTPS", "host": "a"], "https://a"),
    (["x-forwarded-proto": "https"], nil),
    (["x-forwarded-proto": "gopher", "host": "a"], nil),
    (["x-forwarded-host": "hub.example"], "http://hub.example"),
    (["x-forwarded-host": " hub.example:444 , inner", "x-forwarded-proto": "https,http"], "https://hub.example:444"),
    (["x-forwarded-host": "[2001:db8::1]:443"], "http://[2001:db8::1]:443"),
    (["x-forwarded-host": "user@evil"], nil),
    (["x-forwarded-host": "evil/path"], nil),
    (["x-forwarded-host": "evil?x"], nil),
    (["x-forwarded-host": "e v"], nil),
    (["x-forwarded-host": ""], nil),
    (["x-forwarded-host": String(repeating: "a", count: 256)], nil),
    (["forwarded": "for=192.0.2.1;proto=https;host=hub.example"], "https://hub.example"),
    (["forwarded": "Host=\"hub.example:8443\"; Proto=https"], "https://hub.example:8443"),
    (["forwarded": "host=first, host=second"], "http://first"),
    (["forwarded": "proto=https"], nil),
    (["forwarded": "host"], nil),
    (["forwarded": ";;,=,"], nil),
    (["forwarded": "host=hub", "x-forwarded-host": "other"], "http://hub"),
    (["x-forwarded-prefix": "/registry"], "/registry"),
    (["x-forwarded-prefix": "/registry///"], "/registry"),
    (["x-forwarded-prefix": "/"], nil),
    (["x-forwarded-prefix": "registry"], nil),
    (["x-forwarded-prefix": "//evil.example"], nil),
    (["x-forwarded-prefix": "/a//b"], nil),
    (["x-forwarded-prefix": "/a/../b"], nil),
    (["x-forwarded-prefix": "/a/%2e%2e"], nil),
    (["x-forwarded-prefix": "/" + String(repeating: "a", count: 1024)], nil),
    (["x-forwarded-prefix": "/p", "x-forwarded-host": "h", "x-forwarded-proto": "https"], "https://h/p"),
  ]

  @Test("what proxies say becomes an origin, or nothing", arguments: origins.indices)
  func forwardedOrigin(_ index: Int) {
    let (fields, expected) = Self.origins[index]
    #expect(ForwardedOrigin(HTTPHeaders(fields.map { ($0.key, $0.value) }))?.text == expected)
  }

  @Test(
    "an entity tag is found in a condition, alone, in a list, weak, or by a star",
    arguments: [
      (["\"x\""], true), (["*"], true), (["\"a\", \"x\""], true), (["\"a\"", "\"x\""], true), (["W/\"x\""], true),
      (["\"a\", W/\"x\""], true), ([], false), ([""], false), (["\"a\""], false), (["x"], false), (["\"xx\""], false),
      (["W/x"], false), (["\"a\",\"b\""], false),
    ])
  func entityTag(_ values: [String], _ expected: Bool) {
    let headers = HTTPHeaders(values.map { ("If-None-Match", $0) })
    #expect(EntityTag.isListed("\"x\"", in: headers, "if-none-match") == expected)
  }

  @Test(
    "the date is in the one form of RFC 9110, section 5.6.7",
    arguments: [
      (Int64(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
    ])
  func date(_ second: Int64, _ expected: String) {
    #expect(HTTPDate.format(Timestamp(microseconds: second * 1_000_000 + 999_999)) == expected)
  }

  @Test("a body's pace: nothing for too long, or too little in a whole window")
  func pace() {
    var limits = ConnectionLimits()
    limits.bodyStallTimeout = .seconds(10)
    limits.minimumRateBytes = 100
    limits.minimumRateWindow = .seconds(60)
    let second: Int64 = 1_000_000_000
    var pace = Pace()
    func isTooSlow(_ atSecond: Int64) -> Bool { pace.isTooSlow(now: atSecond * second, limits) }
    pace.restart(at: 0)
    #expect(!isTooSlow(9))
    #expect(isTooSlow(11))
    pace.restart(at: 0)
    // A byte now and then is no stall; over the window it is too little.
    for step in 1...11 {
      pace.moved(1)
      #expect(!isTooSlow(Int64(step) * 5))
    }
    pace.moved(1)
    #expect(isTooSlow(60))
    pace.restart(at: 0)
    // Enough in one window does not count for the next.
    pace.moved(6000)
    #expect(!isTooSlow(60))
    for step in 13...23 {
      pace.moved(1)
      #expect(!isTooSlow(Int64(step) * 5))
    }
    pace.moved(1)
    #expect(isTooSlow(120))
    pace.restart(at: 0)
    // What is told as a sum counts once.
    pace.reached(3000)
    pace.reached(3000)
    #expect(!isTooSlow(5))
    pace.reached(2000)
    #expect(isTooSlow(16))
  }

  @Test("clocks are looked at often enough for the shortest limit, and never all the time")
  func tick() {
    #expect(ConnectionLimits().tick == .seconds(5))
    var limits = ConnectionLimits()
    limits.idleTimeout = .milliseconds(400)
    #expect(limits.tick == .milliseconds(100))
    limits.headerTimeout = .zero
    #expect(limits.tick == .milliseconds(10))
  }

  @Test("a head is written with its length, and nothing in a value can end it")
  func responseHead() {
    var response = Response(.ok, headers: [("x-a", "b"), ("x-evil", "a\r\nset-cookie: x=y\u{0}\u{7f}")])
    response.body = .bytes(ByteBuffer(string: "body"))
    func written(_ response: Response, closes: Bool = false, keeps: Bool = false) -> String {
      var buffer = ByteBuffer()
      ResponseHead.write(response, closes: closes, keepsAliveExplicitly: keeps, date: "D", into: &buffer)
      return String(buffer: buffer)
    }
    #expect(
      written(response)
        == "HTTP/1.1 200 OK\r\ndate: D\r\ncontent-length: 4\r\nx-a: b\r\nx-evil: a  set-cookie: x=y  \r\n\r\n")
    #expect(written(response, closes: true).hasSuffix("\r\nconnection: close\r\n\r\n"))
    #expect(written(response, keeps: true).hasSuffix("\r\nconnection: keep-alive\r\n\r\n"))
    let head = response.withoutBody()
    #expect(written(head) == written(response))
    #expect(!written(Response(.noContent)).contains("content-length"))
    #expect(written(Response(.accepted)).contains("content-length: 0"))
    let http2 = ResponseHead.http2(response, date: "D")
    #expect(http2.headers.first(name: "content-length") == "4")
    #expect(http2.headers.first(name: "x-evil") == "a  set-cookie: x=y  ")
  }

  @Test(
    "a path belongs to one of few routes, whatever it says",
    arguments: [
      ("/v2", Route.base), ("/v2/", .base), ("/v2/_catalog", .catalog), ("/v2/a/manifests/b", .manifest),
      ("/v2/a/blobs/sha256:x", .blob), ("/v2/a/blobs/uploads/", .blobUpload), ("/v2/a/blobs/uploads", .blobUpload),
      ("/v2/a/blobs/uploads/x", .blobUploadChunk), ("/v2/a/blobs/uploads/abcs", .blobUploadChunk),
      ("/v2/a/tags/list", .tags), ("/v2/a/referrers/x", .referrers), ("/healthz", .health), ("/readyz", .health),
      ("/metrics", .metrics), ("/", .other), ("", .other), ("/favicon.ico", .other), ("/v2/a", .other),
    ])
  func route(_ path: String, _ expected: Route) {
    #expect(Route(path: path) == expected)
  }

  @Test("what is long is cut in the log, and every byte of a client stays on its line")
  func escaping() {
    var line: [UInt8] = []
    RequestLog.escape(String(repeating: "a", count: 10_000), &line)
    #expect(line.count == 512)
    line = []
    RequestLog.escape("a\"b\\c\r\n\u{1b}\u{7f}\u{e9}", &line)
    #expect(String(decoding: line, as: UTF8.self) == #"a\"b\\c\u000d\u000a\u001b\u007f\u00c3\u00a9"#)
  }
}
