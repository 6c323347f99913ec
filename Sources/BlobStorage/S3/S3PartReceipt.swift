/// What a store has to be told of a part when the object is completed: the tag that it gave it, and the checksum that it took it
/// by. A store that was told of an algorithm wants the checksums again.
struct S3PartReceipt: Equatable {
  private static let mark = ";sha256="

  let entityTag: String
  /// In Base64; nil for a part that was sent without.
  let sha256: String?

  init(entityTag: String, sha256: String?) {
    self.entityTag = entityTag
    self.sha256 = sha256
  }

  /// Reads ``text``: one word, because a ledger keeps one of each part.
  init(_ text: String) {
    guard let mark = text.ranges(of: Self.mark).last else {
      self.init(entityTag: text, sha256: nil)
      return
    }
    self.init(entityTag: String(text[..<mark.lowerBound]), sha256: String(text[mark.upperBound...]))
  }

  var text: String { entityTag + (sha256.map { Self.mark + $0 } ?? "") }
}
