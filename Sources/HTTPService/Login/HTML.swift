/// Markup. Text becomes part of it only through interpolation, which escapes it.
struct HTML: ExpressibleByStringInterpolation {
  let text: String

  init(stringLiteral value: StaticString) { text = value.description }
  init(stringInterpolation interpolation: Interpolation) { text = interpolation.text }
  private init(text: String) { self.text = text }

  static func joined(_ parts: [HTML]) -> HTML { HTML(text: parts.map(\.text).joined()) }

  struct Interpolation: StringInterpolationProtocol {
    var text = ""
    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }
    mutating func appendLiteral(_ literal: StaticString) { text += literal.description }
    mutating func appendInterpolation(_ markup: HTML) { text += markup.text }

    mutating func appendInterpolation(_ value: String) {
      for character in value.unicodeScalars {
        switch character {
        case "&": text += "&amp;"
        case "<": text += "&lt;"
        case ">": text += "&gt;"
        case "\"": text += "&quot;"
        case "'": text += "&#39;"
        default: text.unicodeScalars.append(character)
        }
      }
    }
  }
}
