/// A piece of a query.
struct SearchToken: Sendable, Hashable {
  enum Kind: Sendable, Hashable {
    case open, close, and, or, not
    /// `field:` before it, when there is one; the text without its quotation marks.
    case term(field: Substring?, text: String, isQuoted: Bool)
  }

  let kind: Kind
  let column: Int
  /// Of the value, after the field's colon.
  var valueColumn = 0

  /// The pieces of a text.
  static func all(of text: String) throws(SearchError) -> [SearchToken] {
    guard text.utf8.count <= SearchQuery.lengthLimitBytes else {
      throw SearchError(column: 1, message: "a query has at most \(SearchQuery.lengthLimitBytes) bytes")
    }
    let characters = Array(text)
    var tokens: [SearchToken] = []
    var position = 0
    while position < characters.count {
      let column = position + 1
      switch characters[position] {
      case let space where space.isWhitespace: position += 1
      case "(":
        tokens.append(SearchToken(kind: .open, column: column))
        position += 1
      case ")":
        tokens.append(SearchToken(kind: .close, column: column))
        position += 1
      case "-":
        tokens.append(SearchToken(kind: .not, column: column))
        position += 1
      default: tokens.append(try term(characters, &position))
      }
    }
    return tokens
  }

  private static func term(_ characters: [Character], _ position: inout Int) throws(SearchError) -> SearchToken {
    let begin = position
    var text = ""
    var colon: Int?
    var isQuoted = false
    while position < characters.count {
      let character = characters[position]
      if character.isWhitespace || character == "(" || character == ")" { break }
      guard character == "\"" else {
        if character.unicodeScalars.contains(where: { !SearchWords.isStorable($0) }) {
          throw SearchError(column: position + 1, message: "this character cannot be searched for")
        }
        if character == ":", colon == nil, !isQuoted { colon = position }
        text.append(character)
        position += 1
        continue
      }
      isQuoted = true
      let quote = position + 1
      position += 1
      while position < characters.count, characters[position] != "\"" {
        if characters[position].unicodeScalars.contains(where: { !SearchWords.isStorable($0) }) {
          throw SearchError(column: position + 1, message: "this character cannot be searched for")
        }
        text.append(characters[position])
        position += 1
      }
      guard position < characters.count else {
        throw SearchError(column: quote, message: "this quotation mark is never closed")
      }
      position += 1
    }
    if !isQuoted {
      switch text {
      case "AND": return SearchToken(kind: .and, column: begin + 1)
      case "OR": return SearchToken(kind: .or, column: begin + 1)
      case "NOT": return SearchToken(kind: .not, column: begin + 1)
      default: break
      }
    }
    guard let colon else {
      return SearchToken(
        kind: .term(field: nil, text: text, isQuoted: isQuoted), column: begin + 1, valueColumn: begin + 1)
    }
    let value = String(text.dropFirst(colon - begin + 1))
    return SearchToken(
      kind: .term(field: text.prefix(colon - begin), text: value, isQuoted: isQuoted), column: begin + 1,
      valueColumn: colon + 2)
  }
}
