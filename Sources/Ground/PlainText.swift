/// What a text may hold that somebody else chose, before it stands in a list, a record or a terminal.
///
/// Control characters move the cursor, end lines and change the direction of writing: with them a name can look like another
/// line of the record. U+0000 is no text at all for PostgreSQL.
public enum PlainText {
  /// C0, C1 and delete, the separators of lines and paragraphs, and the marks that turn the direction of writing.
  public static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: true
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  /// Whether a text is a single line without such characters.
  public static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } || !text.unicodeScalars.contains(where: isControl)
  }

  /// The text with U+FFFD in the place of each such character.
  public static func cleaned(_ text: String) -> String {
    if isPlain(text) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
    return String(result)
  }
}
