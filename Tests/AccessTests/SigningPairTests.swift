import Testing

@testable import Access

/// Keys that sign files are the ones that OpenSSL has.
@Suite struct `Keys for signing` {
  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
  }

  /// RFC 8032, section 7.1, tests 1 and 2.
  private static let vectors: [(secret: String, point: String, message: String, signature: String)] = [
    (
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    ),
    (
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ),
  ]

  @Test(arguments: vectors)
  func `sign as the specification says`(
    _ vector: (secret: String, point: String, message: String, signature: String)
  ) throws {
    let pem = PEM.text(Self.bytes("302e020100300506032b657004220420" + vector.secret), "PRIVATE KEY")
    let pair = try SigningPair(pem: pem)
    #expect(pair.privatePEM == pem)
    #expect(pair.publicPEM == PEM.text(Self.bytes("302a300506032b6570032100" + vector.point), "PUBLIC KEY"))
    let (message, signature) = (Self.bytes(vector.message), Self.bytes(vector.signature))
    #expect(try pair.sign(message) == signature)
    let key = try PublicKey(ed25519PEM: pair.publicPEM)
    #expect(key.signed(message, signature))
    #expect(!key.signed(message + [0], signature))
    #expect(!key.signed(message, signature.dropLast() + [signature[63] ^ 1]))
    #expect(!key.signed(message, []))
  }

  @Test func `are another pair each time, and trust only their own`() throws {
    let (one, other) = (try SigningPair.generate(), try SigningPair.generate())
    #expect(one.publicPEM != other.publicPEM)
    let message = Array("message".utf8)
    #expect(try PublicKey(ed25519PEM: one.publicPEM).signed(message, try one.sign(message)))
    #expect(try !PublicKey(ed25519PEM: other.publicPEM).signed(message, try one.sign(message)))
    // With text around it, and ends of lines of another system.
    let around = "Ours\r\n" + one.publicPEM.replacing("\n", with: "\r\n")
    #expect(try PublicKey(ed25519PEM: around).signed(message, try one.sign(message)))
  }

  @Test func `are refused when they are none, of another kind or the wrong half`() throws {
    let pair = try SigningPair.generate()
    let rsa = PEM.text(
      DER.rsaKeyInfo(modulus: [UInt8](repeating: 0xFF, count: 256), exponent: [1, 0, 1]), "PUBLIC KEY")
    for text in ["", "nothing", pair.privatePEM, rsa, pair.publicPEM.replacing("MCow", with: "MC!w")] {
      #expect(throws: SigningPair.Unusable.self) { try PublicKey(ed25519PEM: text) }
    }
    let elliptic = PEM.text(try PrivateKey.generate(), "PRIVATE KEY")
    for text in ["", pair.publicPEM, elliptic, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"] {
      #expect(throws: SigningPair.Unusable.self) { try SigningPair(pem: text) }
    }
  }
}
