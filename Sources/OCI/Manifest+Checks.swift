/// The checks that leave a pushed document one meaning only. A document that one client reads as an image and another
/// as an index could carry two contents under one digest (CVE-2021-41190).
extension Manifest {
  /// The members of the document that a registry or a client gives a meaning to.
  private static let knownKeys: [String] = [
    "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations", "fsLayers",
  ]

  private static let schema1Refusal = ParseError(
    .manifest,
    "This manifest is of Docker's schema 1, which is not accepted. Push it with a client of Docker 1.10 or newer, or "
      + "convert it with 'skopeo copy --format v2s2'.")

  static func checkAccepted(_ type: MediaType, _ role: String) throws(ParseError) {
    if type.isSchema1 { throw schema1Refusal }
    guard type.isManifest || type.isIndex else {
      let accepted = MediaType.pushable.map(\.text).joined(separator: ", ")
      throw ParseError(.manifest, "\(role) \(quoted(type.text)) is not one of a manifest. Accepted are: \(accepted).")
    }
  }

  /// Clients written in Go match keys whatever their case: `Layers` would be layers to them, and nothing here.
  static func checkSpelling(_ object: JSONObject) throws(ParseError) {
    for member in object.members where !knownKeys.contains(member.key) {
      if let known = knownKeys.first(where: { folded(member.key, is: $0) }) {
        throw ParseError(.manifest, "The key \(quoted(member.key)) must be spelled \(quoted(known)).")
      }
    }
  }

  /// Whether two keys are the same but for case. As in Go the long s, a letter outside ASCII, counts as an s; the other
  /// such letter, the Kelvin sign, is for a k, which no known key has.
  private static func folded(_ key: String, is known: String) -> Bool {
    key.unicodeScalars.elementsEqual(known.unicodeScalars) { fold($0) == fold($1) }
  }

  private static func fold(_ scalar: Unicode.Scalar) -> UInt32 {
    switch scalar {
    case "A"..."Z": scalar.value | 0x20
    case "\u{17f}": 0x73
    default: scalar.value
    }
  }

  static func checkVersion(_ document: DocumentReader) throws(ParseError) {
    if document.value("fsLayers") != nil { throw schema1Refusal }
    guard let version = document.value("schemaVersion") else {
      throw ParseError(.manifest, "schemaVersion is missing: expected 2.")
    }
    if version == .integer(1) { throw schema1Refusal }
    guard version == .integer(2) else { throw ParseError(.manifest, "schemaVersion is not 2.") }
  }

  /// The one media type on which the field, the `Content-Type` and the other fields agree.
  static func mediaType(of document: DocumentReader, contentType: MediaType?) throws(ParseError) -> MediaType {
    if let field = try document.mediaType("mediaType") {
      try checkAccepted(field, "The mediaType")
      if let contentType, contentType != field {
        throw ParseError(
          .manifest,
          "The mediaType \(quoted(field.text)) and the Content-Type \(quoted(contentType.text)) must be the same.")
      }
      return field
    }
    if let contentType { return contentType }
    if document.value("manifests") != nil { return .ociIndex }
    if document.value("config") != nil || document.value("layers") != nil { return .ociManifest }
    throw ParseError(
      .manifest,
      "The manifest has neither a mediaType nor the fields of an image (config, layers) or index (manifests).")
  }

  static func checkFields(_ document: DocumentReader, kind: Kind) throws(ParseError) {
    switch kind {
    case .image:
      guard document.value("manifests") == nil else {
        throw ParseError(.manifest, "An image manifest must not have the field 'manifests'; only an index has it.")
      }
      guard document.value("config") != nil else {
        throw ParseError(.manifest, "config is missing: an image manifest needs it.")
      }
      // Go writes an empty list as null: what must be there is the key.
      guard document.object["layers"] != nil else {
        throw ParseError(.manifest, "layers is missing: an image manifest needs it, even if it is empty.")
      }
    case .index:
      for key in ["config", "layers"] where document.value(key) != nil {
        throw ParseError(.manifest, "An index must not have the field '\(key)'; only an image manifest has it.")
      }
      guard document.object["manifests"] != nil else {
        throw ParseError(.manifest, "manifests is missing: an index needs it, even if it is empty.")
      }
    }
  }
}
