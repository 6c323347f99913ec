/// Sizes in bytes as text. Units of 1000 are kB, MB, GB, TB, PB; units of 1024 are KiB, MiB, GiB, TiB, PiB.
enum ByteSize {
  /// What ``parse(_:)`` accepts, for the JSON Schema.
  static let pattern = "^[0-9]+ ?([bB]|[kKmMgGtTpP][iI]?[bB])?$"

  private static let units: [(name: String, bytes: Int)] = [
    ("PiB", 1 << 50), ("PB", 1_000_000_000_000_000), ("TiB", 1 << 40), ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000),
    ("B", 1),
  ]

  /// Reads a whole number and an optional unit; letters of either case.
  static func parse(_ text: String) throws(ValueProblem) -> Int {
    let digits = text.utf8.prefix(while: isDigit)
    guard !digits.isEmpty else { throw notASize(text) }
    var word = String(Substring(text.utf8.dropFirst(digits.count)))
    if word.first == " " { word.removeFirst() }
    let multiplier: Int
    if word.isEmpty && text.utf8.count == digits.count {
      multiplier = 1
    } else if let unit = units.first(where: { $0.name.lowercased() == word.lowercased() }) {
      multiplier = unit.bytes
    } else if let letter = word.first, word.count == 1, "kmgtp".contains(letter.lowercased()) {
      let upper = letter.uppercased()
      throw ValueProblem(
        "\(quoted(text)): write \(upper)iB (units of 1024) or \(upper == "K" ? "k" : upper)B (units of 1000)")
    } else {
      throw notASize(text)
    }
    guard let number = Int(String(digits) ?? ""),
      case (let bytes, false) = number.multipliedReportingOverflow(by: multiplier)
    else { throw ValueProblem("\(quoted(text)) is too large") }
    return bytes
  }

  /// The text in the largest unit that leaves a whole number.
  static func text(_ bytes: Int) -> String {
    guard bytes != 0, let unit = units.first(where: { bytes % $0.bytes == 0 }), unit.bytes > 1 else {
      return "\(bytes)"
    }
    return "\(bytes / unit.bytes) \(unit.name)"
  }

  private static func notASize(_ text: String) -> ValueProblem {
    ValueProblem("\(quoted(text)) is not a byte size; write a whole number with a unit, such as 64 MiB or 10 GB")
  }
}

/// Lengths of time as text: whole numbers with the units ms, s, m, h and d, one or several in falling order.
enum DurationText {
  /// What ``parse(_:)`` accepts, for the JSON Schema.
  static let pattern = "^(0|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$"

  private static let units: [(name: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  static func parse(_ text: String) throws(ValueProblem) -> Duration {
    if text == "0" { return .zero }
    var rest = text.utf8[...]
    var total: Int64 = 0
    var allowed = units[...]
    repeat {
      let digits = rest.prefix(while: isDigit)
      rest = rest.dropFirst(digits.count)
      let word = rest.prefix { !isDigit($0) }
      rest = rest.dropFirst(word.count)
      guard !digits.isEmpty else { throw notADuration(text) }
      guard !word.isEmpty else {
        throw ValueProblem("\(quoted(text)) has no unit; write for instance \(String(digits) ?? "30")s")
      }
      guard let place = allowed.firstIndex(where: { $0.name.utf8.elementsEqual(word) }) else {
        throw notADuration(text)
      }
      guard let number = Int64(String(digits) ?? ""),
        case (let part, false) = number.multipliedReportingOverflow(by: units[place].milliseconds),
        case (let sum, false) = total.addingReportingOverflow(part)
      else { throw ValueProblem("\(quoted(text)) is too long") }
      total = sum
      allowed = units[(place + 1)...]
    } while !rest.isEmpty
    return .milliseconds(total)
  }

  /// The text in the largest unit that leaves a whole number, to the millisecond.
  static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let total = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    guard total != 0, let unit = units.first(where: { total % $0.milliseconds == 0 }) else { return "0s" }
    return "\(total / unit.milliseconds)\(unit.name)"
  }

  private static func notADuration(_ text: String) -> ValueProblem {
    ValueProblem("\(quoted(text)) is not a duration; write numbers with units, such as 30s, 5m, 24h or 7d")
  }
}
