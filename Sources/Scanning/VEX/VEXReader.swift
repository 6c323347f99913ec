public import OCI

/// Reads what people and vendors say of flaws in products: OpenVEX 0.0 to 0.2 and CSAF 2.0 in JSON, bare or in an attestation.
///
/// Source: OpenVEX 0.2.0; CSAF 2.0, profile 5; see ``Attestation`` for the wrappings.
public enum VEXReader {
  /// The predicate type of attestations that hold OpenVEX, without the version that may follow.
  public static let predicateType = "https://openvex.dev/ns"
  /// Media types and artifact types under which documents are attached bare.
  public static let mediaTypes = ["application/openvex+json", "application/vnd.openvex+json", "application/csaf+json"]
  /// Of all statements of a document: each package of each product is one.
  public static let targetLimit = 100_000

  /// - Throws: kind `.json` for what is no JSON, or no VEX of these formats, or goes beyond ``Attestation/limitBytes`` or
  ///   ``targetLimit``.
  public static func document(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> VEXDocument {
    let attestation = try Attestation(bytes)
    let value = attestation.document
    var read: VEXDocument
    if value["document"]?.object != nil {
      read = try CSAFStatements.document(value)
    } else if isOpenVEX(value["@context"]) || attestation.predicateType?.hasPrefix(predicateType) ?? false {
      read = try OpenVEXStatements.document(value, subjects: attestation.subjects)
    } else {
      throw ParseError(.json, "The document is neither OpenVEX nor CSAF.")
    }
    read.isSigned = attestation.isSigned
    return read
  }

  /// The context is a text, or a list of them.
  private static func isOpenVEX(_ context: JSONValue?) -> Bool {
    let all = context?.array ?? [context].compactMap { $0 }
    return all.contains { $0.string?.hasPrefix(predicateType) ?? false }
  }

  static var tooMany: ParseError {
    ParseError(.json, "The statements are about more than \(targetLimit) packages in products.")
  }

  /// A text for people, cut where it is long.
  static func shortened(_ text: String) -> String {
    text.utf8.count <= VEXStatement.detailLimitBytes ? text : String(text.prefix(VEXStatement.detailLimitBytes / 4))
  }
}
