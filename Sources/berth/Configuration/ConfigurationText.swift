/// A client's or operator's text between quotation marks, fit for one line of a message: control characters and marks
/// escaped, long texts cut.
func quoted(_ text: String) -> String {
  let limit = 80
  let scalars = text.unicodeScalars
  var result = "\""
  for scalar in scalars.prefix(limit) {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case _ where isControl(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + (scalars.dropFirst(limit).isEmpty ? "" : "…") + "\""
}

/// Somebody else's text, fit for one line at a terminal: control characters are shown as what they are.
func onOneLine(_ text: String) -> String {
  escaped(text, where: isControl)
}

/// Several lines for a terminal, in which nothing else moves its cursor. JSON stays the JSON that it was.
func forTerminal(_ text: String) -> String {
  escaped(text) { $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t" }
}

private func escaped(_ text: String, where isUnfit: (Unicode.Scalar) -> Bool) -> String {
  guard text.unicodeScalars.contains(where: isUnfit) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    guard isUnfit(scalar) else {
      result.unicodeScalars.append(scalar)
      continue
    }
    let digits = String(scalar.value, radix: 16)
    result += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
  return result
}

/// C0, C1, delete, and the separators and direction marks of Unicode that can rearrange a line of text.
func isControl(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator: true
  default: false
  }
}

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

/// Text without spaces and tabs at its ends.
func trimmed(_ text: some StringProtocol) -> String {
  func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
  let front = text.drop(while: isBlank)
  return String(front.reversed().drop(while: isBlank).reversed())
}

/// The candidate that `word` most likely was meant to be, if any is near enough.
///
/// Case and the difference between `-` and `_` count for nothing; otherwise up to a third of the letters may differ, or
/// all that follow the first three.
/// - Cost: the product of the lengths for each candidate; words beyond 64 bytes have no suggestion.
func nearest(to word: String, among candidates: [String]) -> String? {
  let letters = plainLetters(word)
  guard !letters.isEmpty, word.utf8.count <= 64 else { return nil }
  let rated = candidates.map { ($0, editDistance(letters, plainLetters($0))) }
  if let best = rated.min(by: { $0.1 < $1.1 }), best.1 <= max(1, letters.count / 3) { return best.0 }
  return letters.count < 3 ? nil : candidates.first { plainLetters($0).starts(with: letters) }
}

private func plainLetters(_ text: String) -> [UInt8] {
  text.lowercased().utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other (optimal string
/// alignment).
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for row in left.indices {
    var current = [row + 1]
    for column in right.indices {
      let same = left[row] == right[column]
      var cost = min(last[column + 1] + 1, current[column] + 1, last[column] + (same ? 0 : 1))
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        cost = min(cost, beforeLast[column - 1] + 1)
      }
      current.append(cost)
    }
    (beforeLast, last) = (last, current)
  }
  return last[right.count]
}
