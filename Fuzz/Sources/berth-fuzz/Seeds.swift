import OCI

@testable import Access

/// Well-formed examples, from which the broken ones are made.
enum Seeds {
  static let digest = "sha256:" + String(repeating: "0123456789abcdef", count: 4)
  static let long = "sha512:" + String(repeating: "0123456789abcdef", count: 8)

  static let paths = [
    "/v2/", "/v2/_catalog", "/v2/library/alpine/manifests/latest", "/v2/library/alpine/manifests/\(digest)",
    "/v2/a/blobs/\(long)", "/v2/a/b/c/blobs/uploads/", "/v2/a/blobs/uploads/0123-abcd", "/v2/a/tags/list",
    "/v2/a/referrers/\(digest)",
  ]
  static let queries = [
    "n=10&last=a%2Fb", "digest=\(digest)", "mount=\(digest)&from=library/alpine", "tag=a&tag=b", "a+b=%41",
  ]
  static let ranges = ["bytes=0-1023", "bytes=-5", "bytes=7-", "bytes=1-2,4-5", "bytes=9223372036854775807-"]
  static let contentRanges = ["0-1023", "bytes 0-1023/2048", "bytes=0-1023", "5-9/*", "0-9223372036854775806"]
  static let references = [digest, long, "latest", "v1.2.3-rc.1_x", "sha384:00"]
  static let mediaTypes = ["application/vnd.oci.image.manifest.v1+json", "text/plain; charset=\"utf-8\"", "a/b;c=d"]
  static let documents = [
    #"[null,true,false,-1.5e+10,0,12,"\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00",{},[],{"a":{"b":[1,2]}}]"#, manifest, index,
  ]
  static let manifest =
    #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","#
    + #""digest":"\#(digest)","size":2,"data":"e30="},"layers":[{"mediaType":"a/b","digest":"\#(long)","size":12,"#
    + #""urls":["https://a"],"annotations":{"a":"b"}}],"subject":{"mediaType":"a/b","digest":"\#(digest)","size":9},"#
    + #""artifactType":"a/b","annotations":{"a":"ä"}}"#
  static let index =
    #"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(digest)","#
    + #""size":10,"platform":{"os":"linux","architecture":"arm","os.features":["x"],"variant":"v7"}}]}"#
  static let authorizations = [
    "Basic YWxpY2U6c2VjcmV0", "basic YTpiOmM=", "Bearer eyJhbGciOiJFUzI1NiJ9.e30.AA", "Negotiate YQ==",
    "berth_pat_" + String(repeating: "0", count: 36),
  ]
  static let signedTokens = [
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLCJleHAiOjEzMDA4MTkzODB9.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3",
    "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJqb2UiLCJzdWIiOiJhIiwiZXhwIjoxMzAwODE5MzgwLCJhY2Nlc3MiOltdfQ."
      + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
  ]
  static let searches = [
    "repo:acme/* tag:2.* version:>=2.1,<3 label:team=payments env:production",
    "built:<30d pushed:2026-11-01..2026-11-15",
    "by:alice platform:linux/arm64 size:>500MB base:debian untagged:yes sort:-size", "a OR (b -c) NOT \"d e\" AND f*",
  ]
  static let scopes = [
    "repository:acme/api:pull,push", "registry:catalog:*", "repository(plugin):a/b:* repository:a:delete", "acme/web-*",
  ]
  /// Of RFC 7515, appendix A.3.
  static let key =
    (try? JSONValue.parse(
      #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
    )).flatMap { PublicKey(jwk: $0) }
  static let forwarded = [
    "for=192.0.2.1;proto=https;host=hub.example", "host=\"a:1\";proto=http, for=b", "hub.example:443", "https, http",
    "/prefix/", "[2001:db8::1]:443",
  ]
  static let tokens = [
    "0006512e3d8a4c00" + "0123456789abcdef" + "-" + String(repeating: "0123456789abcdef", count: 2), "a-b", "ä",
  ]
  static let requests = [
    "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /v2/a/manifests/latest HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    "POST /v2/a/blobs/uploads/?digest=\(digest) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
    "PUT /v2/a/manifests/latest HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "5\r\nabcde\r\n0\r\nX-Trailer: a\r\n\r\n",
    "PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Range: 0-4\r\nContent-Length: 5\r\n\r\n",
    "GET /v2/_catalog?n=1 HTTP/1.0\r\nConnection: keep-alive\r\nRange: bytes=0-1\r\nIf-None-Match: \"x\"\r\n\r\n"
      + "GET http://a/v2/ HTTP/1.1\r\nHost: a\r\nForwarded: host=b\r\nConnection: close\r\n\r\n",
    "DELETE /v2/a/blobs/\(digest) HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
  ]

  /// What the parsers of `OCI` read, in the order in which `Guided/Entry.swift` numbers them.
  static let guided = [
    paths, queries, ranges, contentRanges, [digest, long], references, mediaTypes, documents, [manifest, index],
  ]
}
