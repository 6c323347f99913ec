// Examples for what is sent to a whole server.
extension Seeds {
  /// HPACK (RFC 7541): `GET /v2/` over https to `a`.
  static let http2Headers: [UInt8] = [0x82, 0x87, 0x04, 4] + Array("/v2/".utf8) + [0x01, 1, UInt8(ascii: "a")]
  /// `POST /v2/a/blobs/uploads/` with `content-length: 5`.
  static let http2Upload: [UInt8] =
    [0x83, 0x87, 0x04, 20] + Array("/v2/a/blobs/uploads/".utf8) + [0x01, 1, UInt8(ascii: "a")]
    + [0x0F, 0x0D, 1, UInt8(ascii: "5")]
  /// Of each type of frame.
  static let http2Payloads: [[UInt8]] = [
    http2Headers, http2Upload, Array("abcde".utf8),
    // Header blocks: a size of the table, names and values in Huffman's code, an index that is not there.
    [0x3F, 0xE1, 0x1F, 0x82, 0x86, 0x41, 0x8C, 0xF1, 0xE3, 0xC2, 0xE5, 0xF2, 0x3A, 0x6B, 0xA0, 0xAB, 0x90, 0xF4, 0xFF],
    [0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
    // SETTINGS: header table, push, streams, window, frame size, header list.
    [0, 1, 0, 0, 16, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0, 0, 5, 0, 0, 64, 0, 0, 6, 0, 0, 128, 0],
    // PRIORITY, RST_STREAM, PING, GOAWAY, WINDOW_UPDATE, PUSH_PROMISE.
    [0, 0, 0, 3, 16], [0, 0, 0, 8], [1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0],
    [0, 0, 0, 2] + http2Headers,
  ]

  /// What stands in paths, queries and members of the administration API.
  static let apiWords = [
    "acme", "api", "acme/api", "acme/*", "1.0", "latest", digest, "alice", "ci", "reader", "owner", "production",
    "immutable", "2026-11-26T12:00:00Z", "90d", "CVE-2024-1234", "pkg:deb/debian/openssl@3.0.14", "team=payments",
    "https://issuer.example", "repo:acme/* version:>=2", "critical", "10", "1", "",
  ]
  static let apiBodies = [
    #"{"name":"alice","password":"a-password-of-tests"}"#, #"{"pattern":"*","tags":["v*"],"environments":[]}"#,
    #"{"labels":{"team":"payments"},"remove":["a"]}"#, #"{"a":{"b":{"c":[[[[1,null,true,"x"]]]]}}}"#, "[]", "null",
    #"{"name":"a","name":"b"}"#, "{", #""text""#,
  ]
}
