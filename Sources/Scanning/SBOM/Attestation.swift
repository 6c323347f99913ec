public import OCI

/// A document as it is attached to an image: bare, or as the predicate of an attestation, signed or not.
///
/// **No signature is checked here.** Who reads an attestation knows what it says, not who said it.
///
/// Source: in-toto attestation framework, "Statement" v1; DSSE v1; Sigstore bundle v0.3; cosign, "Predicate type custom".
public struct Attestation: Sendable, Hashable {
  /// The document itself.
  public var document: JSONValue
  /// `https://spdx.dev/Document`; nil for a bare document.
  public var predicateType: String?
  /// What the attestation is about; those alone that have a digest of ours. Empty for a bare document.
  public var subjects: [Digest] = []
  /// It came in an envelope that has a signature, which has not been checked.
  public var isSigned = false

  /// Media types and artifact types under which attestations are attached.
  public static let mediaTypes = [
    "application/vnd.in-toto+json", "application/vnd.dsse.envelope.v1+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
  ]

  /// Of the bytes, with all wrappings.
  public static let limitBytes = 64 << 20
  /// Nested components of an SBOM, and branches of products in VEX, stand deep in one another.
  static let depthLimit = 128
  private static let payloadType = "application/vnd.in-toto+json"
  /// Bundle, envelope, statement, and a predicate that is text.
  private static let wrappingLimit = 4

  /// Takes off what a document is wrapped in.
  ///
  /// - Throws: kind `.json` for what is no JSON, or has more than ``limitBytes`` bytes or ``JSONValue/valueLimit`` values, or is
  ///   wrapped in what we do not know.
  public init(_ bytes: UnsafeRawBufferPointer) throws(ParseError) {
    guard bytes.count <= Self.limitBytes else {
      throw ParseError(.json, "The document has more than \(Self.limitBytes) bytes.")
    }
    document = try JSONValue.parse(bytes, depthLimit: Self.depthLimit)
    for _ in 0..<Self.wrappingLimit {
      guard try unwrap() else { return }
    }
  }

  /// - Returns: whether there was something to take off.
  private mutating func unwrap() throws(ParseError) -> Bool {
    if let envelope = document["dsseEnvelope"], envelope.object != nil {
      document = envelope
    } else if let payload = document["payload"]?.string, let type = document["payloadType"]?.string {
      guard type == Self.payloadType else {
        throw ParseError(.json, "The envelope holds something else than an in-toto statement.")
      }
      guard let bytes = Base64.decoded(payload) else {
        throw ParseError(.json, "The payload of the envelope is not Base64.")
      }
      isSigned = !(document["signatures"]?.array ?? []).isEmpty
      document = try Self.parse(bytes)
    } else if let type = document["predicateType"]?.string, let predicate = document["predicate"] {
      predicateType = type
      subjects = (document["subject"]?.array ?? []).flatMap { Self.digests($0["digest"]) }
      document = predicate
    } else if predicateType != nil, let data = document["Data"] {
      document = try data.string.map { (text) throws(ParseError) in try Self.parse(Array(text.utf8)) } ?? data
    } else {
      return false
    }
    return true
  }

  private static func parse(_ bytes: [UInt8]) throws(ParseError) -> JSONValue {
    try bytes.withUnsafeBytes { bytes -> Result<JSONValue, ParseError> in
      do throws(ParseError) { return .success(try JSONValue.parse(bytes, depthLimit: depthLimit)) } catch {
        return .failure(error)
      }
    }.get()
  }

  /// `{"sha256": "…"}`.
  private static func digests(_ value: JSONValue?) -> [Digest] {
    (value?.object?.members ?? []).compactMap { member in
      member.value.string.flatMap { try? Digest(parsing: "\(member.key):\($0)") }
    }
  }
}
