import CLibCrypto

/// A client certificate as far as rules look at it.
public struct ClientCertificate: Sendable, Hashable {
  /// RFC 2253: `CN=ci,O=Acme`.
  public let subject: String
  public let dnsNames, uris, emails: [String]

  /// Reads a certificate that the handshake has verified: nothing here says that it is good.
  ///
  /// - Parameter der: X.509 in DER.
  public init?(der: [UInt8]) {
    let read = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var position = bytes.baseAddress
      return d2i_X509(nil, &position, bytes.count)
    }
    guard let certificate = read else { return nil }
    defer { X509_free(certificate) }
    subject = Self.subject(certificate)
    var names: [Int32: [String]] = [:]
    if let found = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) {
      let stack = OpaquePointer(found)
      defer { OPENSSL_sk_pop_free(stack) { GENERAL_NAME_free($0?.assumingMemoryBound(to: GENERAL_NAME.self)) } }
      for index in 0..<OPENSSL_sk_num(stack) {
        guard let entry = OPENSSL_sk_value(stack, index)?.assumingMemoryBound(to: GENERAL_NAME.self) else { continue }
        let kind = entry.pointee.type
        guard [GEN_DNS, GEN_URI, GEN_EMAIL].contains(kind), let text = Self.text(entry.pointee.d.ia5) else { continue }
        names[kind, default: []].append(text)
      }
    }
    dnsNames = names[GEN_DNS] ?? []
    uris = names[GEN_URI] ?? []
    emails = names[GEN_EMAIL] ?? []
  }

  private static func subject(_ certificate: OpaquePointer) -> String {
    guard let output = BIO_new(BIO_s_mem()) else { return "" }
    defer { BIO_free_all(output) }
    // XN_FLAG_RFC2253: escapes what would make two names look alike.
    guard X509_NAME_print_ex(output, X509_get_subject_name(certificate), 0, 0x111_0317) >= 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = BIO_read(output, &bytes, Int32(bytes.count))
    return count > 0 ? String(decoding: bytes[..<Int(count)], as: UTF8.self) : ""
  }

  /// Nil for a name with a zero in it, which others may read as one that ends there.
  private static func text(_ string: UnsafeMutablePointer<ASN1_IA5STRING>?) -> String? {
    guard let string, let data = ASN1_STRING_get0_data(string) else { return nil }
    let bytes = UnsafeBufferPointer(start: data, count: Int(ASN1_STRING_length(string)))
    return bytes.contains(0) ? nil : String(decoding: bytes, as: UTF8.self)
  }
}
