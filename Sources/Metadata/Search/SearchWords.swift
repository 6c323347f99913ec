/// The texts that a search for words compares: what a text says from each beginning of a word on, in lower case.
///
/// So `acme/web-api` is found by `acme`, `web`, `web-api` and `api`, each a prefix of one of them.
public enum SearchWords {
  /// Of each text that much is kept; what is searched for may not be longer.
  public static let lengthLimitBytes = 64
  /// How many are kept of one text.
  public static let wordLimit = 16
  /// What follows everything that begins with a text, put after it.
  static let end = "\u{10FFFF}"

  /// A word begins with the text, and with every letter or digit after something else; but a digit after a dot goes on with a
  /// number, as in `2.3.1`.
  public static func of(_ text: String) -> [String] {
    let scalars = Array(clean(text).unicodeScalars)
    var words: [String] = []
    for index in scalars.indices where index == 0 || begins(scalars, index) {
      let word = prefix(scalars[index...])
      if !word.isEmpty, !words.contains(word) { words.append(word) }
      if words.count == wordLimit { break }
    }
    return words
  }

  private static func begins(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
    guard isWordPart(scalars[index]), !isWordPart(scalars[index - 1]) else { return false }
    return scalars[index - 1] != "." || !("0"..."9").contains(scalars[index])
  }

  private static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }

  private static func prefix(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var word = String.UnicodeScalarView()
    var count = 0
    for scalar in scalars {
      count += scalar.utf8.count
      if count > lengthLimitBytes { break }
      word.append(scalar)
    }
    return String(word)
  }

  /// In lower case, and without what no database takes in a text.
  public static func clean(_ text: String) -> String {
    var kept = String.UnicodeScalarView()
    for scalar in text.lowercased().unicodeScalars where isStorable(scalar) { kept.append(scalar) }
    return String(kept)
  }

  static func isStorable(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x20 && scalar.value < 0x10FFFE }
}

extension String {
  /// The text without control characters, cut to some bytes.
  func storable(limitBytes: Int) -> String {
    // Most texts are: bytes from F4 on begin the scalars among which those are that are not.
    if utf8.count <= limitBytes, isPlain { return self }
    var kept = String.UnicodeScalarView()
    var count = 0
    for scalar in unicodeScalars where SearchWords.isStorable(scalar) {
      count += scalar.utf8.count
      if count > limitBytes { break }
      kept.append(scalar)
    }
    return String(kept)
  }

  /// Every byte is looked at, also behind one that is not: that way the processor takes many at once.
  private var isPlain: Bool {
    utf8.withContiguousStorageIfAvailable { bytes in
      var others: UInt8 = 0
      for byte in bytes { others |= byte < 0x20 || byte >= 0xF4 ? 1 : 0 }
      return others == 0
    } ?? utf8.allSatisfy { $0 >= 0x20 && $0 < 0xF4 }
  }

  /// A–Z in lower case, as databases do it.
  var asciiLowercased: String {
    String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }
}
