import Ground
import OCI
import TestSupport
import Testing

@testable import Access

/// Tokens as others sign them, and as attackers do.
@Suite struct `A signed token` {
  private static func json(_ text: String) throws -> JSONValue { try JSONValue.parse(text) }

  /// RFC 7515, appendix A.2 and A.3; RFC 8037, appendix A.4.
  static let published: [(key: String, token: String)] = [
    (
      #"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
      "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    ),
    (
      #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    ),
  ]

  @Test(arguments: published.indices)
  func `of the specification is good, and with any byte changed is not`(index: Int) throws {
    let (jwk, text) = Self.published[index]
    let key = try #require(PublicKey(jwk: try Self.json(jwk)))
    try SignedToken(parsing: text).verify(by: key)
    let dot = try #require(text.lastIndex(of: "."))
    var signature = try #require(Base64URL.decode(text[text.index(after: dot)...]))
    for position in [0, signature.count / 2, signature.count - 1] {
      signature[position] ^= 1
      let token = try SignedToken(parsing: text[...dot] + Base64URL.encode(signature))
      #expect(throws: SignedToken.Problem.signature) { try token.verify(by: key) }
      signature[position] ^= 1
    }
    #expect(throws: SignedToken.Problem.signature) {
      try SignedToken(parsing: Self.published[1 - index].token).verify(by: key)
    }
  }

  @Test func `of ours is good for our key alone, and numbers of the signature keep their width`() throws {
    let der = try PrivateKey.generate()
    let key = try PrivateKey(id: "a", der: der)
    let other = try PrivateKey(id: "b", der: try PrivateKey.generate())
    for round in 0..<64 {
      let text = try SignedToken.sign(["n": .integer(Int64(round))], type: "at+jwt", by: key)
      let token = try SignedToken(parsing: text)
      #expect(token.keyID == "a")
      #expect(token.type == "at+jwt")
      try token.verify(by: key.publicKey)
      #expect(throws: SignedToken.Problem.signature) { try token.verify(by: other.publicKey) }
    }
  }

  private static func unsigned(_ header: JSONValue, _ claims: JSONValue = ["iss": "a"], signature: String = "AA")
    -> String
  {
    Base64URL.encode(header.bytes) + "." + Base64URL.encode(claims.bytes) + "." + signature
  }

  @Test(arguments: ["none", "None", "HS256", "HS512", "PS256", "RS1", "ES256K", ""])
  func `of an algorithm that is not known here is refused`(algorithm: String) {
    #expect(throws: SignedToken.Problem.algorithm) {
      try SignedToken(parsing: Self.unsigned(["alg": .string(algorithm)]))
    }
  }

  @Test(arguments: ["jwk", "jku", "x5u", "x5c", "crit"])
  func `that brings its own key, or asks for an extension, is refused`(name: String) {
    var header: JSONObject = ["alg": "RS256"]
    header.append(name, name == "jwk" ? ["kty": "RSA"] : ["https://attacker.example"])
    #expect(throws: SignedToken.Problem.algorithm) { try SignedToken(parsing: Self.unsigned(.object(header))) }
  }

  @Test func `cannot talk a key into another algorithm`() throws {
    let rsa = try #require(PublicKey(jwk: try Self.json(Self.published[0].key)))
    let curve = try #require(PublicKey(jwk: try Self.json(Self.published[1].key)))
    for algorithm in SignatureAlgorithm.allCases {
      let token = try SignedToken(
        parsing: Self.unsigned(
          ["alg": .string(algorithm.rawValue)], signature: Base64URL.encode(Array(repeating: 1, count: 64))))
      #expect(throws: SignedToken.Problem.signature) { try token.verify(by: rsa) }
      #expect(throws: SignedToken.Problem.signature) { try token.verify(by: curve) }
    }
  }

  @Test(arguments: [
    "", ".", "..", "a.b", "a.b.c.d", "eyJhbGciOiJSUzI1NiJ9..AA", "eyJhbGciOiJSUzI1NiJ9.e30.",
    "eyJhbGciOiJSUzI1NiJ9.e30=.AA",
    "eyJhbGciOiJSUzI1NiJ9.W10.AA", "eyJhbGciOiJSUzI1NiJ9. e30.AA", "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxLCJhIjoyfQ.AA",
  ])
  func `that is none is malformed`(text: String) {
    #expect(throws: SignedToken.Problem.malformed) { try SignedToken(parsing: text) }
  }

  @Test func `of giant size is not looked at`() {
    let text = Self.unsigned(
      ["alg": "RS256"], ["x": .string(String(repeating: "a", count: SignedToken.lengthLimitBytes))])
    #expect(throws: SignedToken.Problem.malformed) { try SignedToken(parsing: text) }
    let deep = String(repeating: "[", count: 4000) + String(repeating: "]", count: 4000)
    #expect(throws: SignedToken.Problem.malformed) {
      try SignedToken(parsing: "eyJhbGciOiJSUzI1NiJ9." + Base64URL.encode(Array(#"{"a":\#(deep)}"#.utf8)) + ".AA")
    }
  }

  @Test func `is good for its issuer, its audience and its time, and no other`() throws {
    let now = Timestamp(microseconds: 1_795_442_497_000_000)
    let seconds = now.microseconds / 1_000_000
    func check(_ changes: (inout [String: JSONValue]) -> Void) throws(SignedToken.Problem) {
      var claims: [String: JSONValue] = [
        "iss": "https://a", "aud": "me", "exp": .integer(seconds + 60), "nbf": .integer(seconds - 1),
        "iat": .integer(seconds),
      ]
      changes(&claims)
      let object = JSONObject(claims.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: $0.value) })
      let token = try SignedToken(parsing: Self.unsigned(["alg": "RS256"], .object(object)))
      try token.check(issuer: "https://a", audience: "me", now: now, skew: .seconds(30), maximumAge: .seconds(600))
    }
    try check { _ in }
    try check { $0["aud"] = ["other", "me"] }
    try check { $0["exp"] = .integer(seconds - 29) }
    try check { $0["nbf"] = .integer(seconds + 29) }
    #expect(throws: SignedToken.Problem.expired) { try check { $0["exp"] = .integer(seconds - 30) } }
    #expect(throws: SignedToken.Problem.notYetValid) { try check { $0["nbf"] = .integer(seconds + 31) } }
    #expect(throws: SignedToken.Problem.notYetValid) { try check { $0["iat"] = .integer(seconds + 31) } }
    #expect(throws: SignedToken.Problem.expired) { try check { $0["iat"] = .integer(seconds - 700) } }
    #expect(throws: SignedToken.Problem.audience) { try check { $0["aud"] = "you" } }
    #expect(throws: SignedToken.Problem.audience) { try check { $0["aud"] = nil } }
    #expect(throws: SignedToken.Problem.issuer) { try check { $0["iss"] = "https://a/" } }
    #expect(throws: SignedToken.Problem.issuer) { try check { $0["iss"] = ["https://a"] } }
    for bad: JSONValue in [.null, "soon", .integer(-1), .integer(.max), .number(.infinity), true] {
      #expect(throws: SignedToken.Problem.malformed) { try check { $0["exp"] = bad } }
    }
  }

  @Test(arguments: [
    #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, #"{"kty":"oct","k":"AAAA"}"#,
    #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
    #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}"#,
    #"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, #"{}"#, #"[]"#,
  ])
  func `is not verified by a key that is none`(jwk: String) throws {
    #expect(PublicKey(jwk: try Self.json(jwk)) == nil)
  }
}
