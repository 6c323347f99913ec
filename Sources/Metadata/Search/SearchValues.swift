internal import Ground
internal import OCI

/// Reads what stands after a field's colon.
struct SearchValues {
  let now: Timestamp

  private static let lengthLimitBytes = 512

  func word(_ text: String, _ isQuoted: Bool, _ column: Int) throws(SearchError) -> SearchTerm {
    var word = SearchWords.clean(text)
    if !isQuoted, word.contains("*") {
      while word.hasSuffix("*") { word.removeLast() }
      if word.contains("*") {
        throw SearchError(
          column: column,
          message:
            "a word matches from its beginning; patterns are for fields, such as repo:\(word.hasPrefix("*") ? "" : "*")\(word)"
        )
      }
    }
    while word.hasPrefix(" ") { word.removeFirst() }
    guard !word.isEmpty else { throw SearchError(column: column, message: "this is an empty word") }
    guard word.utf8.count <= SearchWords.lengthLimitBytes else {
      throw SearchError(column: column, message: "a word has at most \(SearchWords.lengthLimitBytes) bytes")
    }
    return .word(word)
  }

  func sort(_ text: String, _ column: Int) throws(SearchError) -> SearchSort {
    let isDescending = text.hasPrefix("-")
    guard let key = SearchSort.Key(rawValue: (isDescending ? String(text.dropFirst()) : text).asciiLowercased) else {
      let names = SearchSort.Key.allCases.map(\.rawValue).joined(separator: ", ")
      throw SearchError(column: column, message: "results are sorted by \(names); with - before it from the end")
    }
    return SearchSort(key: key, isDescending: isDescending)
  }

  func isYes(_ text: String, _ column: Int) throws(SearchError) -> Bool {
    switch text.asciiLowercased {
    case "yes", "true": return true
    case "no", "false": return false
    default: throw SearchError(column: column, message: "expected yes or no")
    }
  }

  func term(_ field: SearchField, _ text: String, _ column: Int) throws(SearchError) -> SearchTerm {
    guard text.utf8.count <= Self.lengthLimitBytes else {
      throw SearchError(column: column, message: "a value has at most \(Self.lengthLimitBytes) bytes")
    }
    let lower = text.asciiLowercased
    switch field {
    case .repo: return .repository(try pattern(text, column))
    case .tag: return .tag(try pattern(text, column))
    case .version: return .version(try versions(text, column))
    case .label: return try label(text, column)
    case .env:
      guard (try? Tag(parsing: text)) != nil else {
        throw SearchError(column: column, message: "this is no environment's name")
      }
      return .environment(text)
    case .built: return .built(try moments(lower, .built, column))
    case .pushed: return .pushed(try moments(lower, .pushed, column))
    case .by: return try by(text, column)
    case .platform:
      guard lower.split(separator: "/", omittingEmptySubsequences: false).count <= 3, !lower.hasPrefix("/"),
        !lower.hasSuffix("/"), !lower.contains(",")
      else { throw wrong(.platform, column) }
      return .platform(lower)
    case .size: return .size(try sizes(lower, column))
    case .base: return .base(lower)
    case .digest: return .digest(lower)
    case .revision: return .revision(lower)
    case .license: return .license(lower)
    case .package: return try package(text, column)
    case .severity: return .severity(try severities(lower, column))
    case .cve: return .vulnerability(lower.hasPrefix("cve-") ? text.uppercased() : text)
    }
  }

  private func wrong(_ field: SearchField, _ column: Int) -> SearchError {
    SearchError(column: column, message: "this is not understood; write it as in \(field.example)")
  }

  private func pattern(_ text: String, _ column: Int) throws(SearchError) -> SearchPattern {
    guard text.utf8.count(where: { $0 == 0x2A }) <= SearchPattern.starLimit else {
      throw SearchError(column: column, message: "a pattern has at most \(SearchPattern.starLimit) stars")
    }
    return SearchPattern(text: text.asciiLowercased)
  }

  private func label(_ text: String, _ column: Int) throws(SearchError) -> SearchTerm {
    guard let equals = text.firstIndex(of: "=") else { return .label(key: text, value: nil) }
    let key = String(text[..<equals])
    let value = String(text[text.index(after: equals)...])
    guard !key.isEmpty else { throw wrong(.label, column) }
    guard value.contains("*") else { return .label(key: key, value: .exactly(value)) }
    return .label(key: key, value: .like(try pattern(value, column)))
  }

  private func by(_ text: String, _ column: Int) throws(SearchError) -> SearchTerm {
    let isPrefix = text.hasSuffix("*")
    let name = isPrefix ? String(text.dropLast()) : text
    guard !name.contains("*"), !name.isEmpty else {
      throw SearchError(column: column, message: "a star may stand at the end of a name only")
    }
    return .by(name, isPrefix: isPrefix)
  }

  /// A name, and bounds of its version behind it: `openssl>=3,<3.0.14`.
  private func package(_ text: String, _ column: Int) throws(SearchError) -> SearchTerm {
    guard let first = text.firstIndex(where: { "<>=".contains($0) }) else {
      return .packageVersions(.init(name: text, bounds: []))
    }
    let name = String(text[..<first])
    guard !name.isEmpty else { throw wrong(.package, column) }
    var bounds: [SearchTerm.PackageVersions.Bound] = []
    for part in text[first...].split(separator: ",", omittingEmptySubsequences: false) {
      let comparison = SearchTerm.PackageVersions.Comparison.allCases.first { part.hasPrefix($0.rawValue) }
      let version = comparison.map { part.dropFirst($0.rawValue.count) } ?? ""
      guard let comparison, !version.isEmpty else { throw wrong(.package, column) }
      bounds.append(.init(comparison: comparison, version: String(version)))
    }
    return .packageVersions(.init(name: name, bounds: bounds))
  }

  /// The worst last.
  private static let severities = ["unknown", "negligible", "low", "medium", "high", "critical"]

  private func severities(_ text: String, _ column: Int) throws(SearchError) -> [String] {
    let (comparison, word) = comparison(text[...])
    guard let place = Self.severities.firstIndex(of: String(word)) else { throw wrong(.severity, column) }
    let found =
      switch comparison {
      case .equal: [Self.severities[place]]
      case .less: Array(Self.severities[..<place])
      case .atMost: Array(Self.severities[...place])
      case .more: Array(Self.severities[(place + 1)...])
      case .atLeast: Array(Self.severities[place...])
      }
    guard !found.isEmpty else {
      throw SearchError(
        column: column,
        message: "there is no such severity; from the mildest they are \(Self.severities.joined(separator: ", "))")
    }
    return found
  }

  // MARK: Bounds

  private enum Comparison { case less, atMost, more, atLeast, equal }

  private func comparison(_ text: Substring) -> (Comparison, Substring) {
    if text.hasPrefix("<=") { return (.atMost, text.dropFirst(2)) }
    if text.hasPrefix(">=") { return (.atLeast, text.dropFirst(2)) }
    if text.hasPrefix("<") { return (.less, text.dropFirst()) }
    if text.hasPrefix(">") { return (.more, text.dropFirst()) }
    if text.hasPrefix("=") { return (.equal, text.dropFirst()) }
    return (.equal, text)
  }

  /// Parts with commas between them, all of which must hold: `>=a,<b`, `a..b`, `a`.
  ///
  /// - Parameter stretch: what a value stands for: a day, every version that begins so, one number.
  private func bounds<Value>(
    _ text: String, _ field: SearchField, _ column: Int, _ stretch: (Substring) -> SearchBounds<Value>?
  ) throws(SearchError) -> SearchBounds<Value> {
    var all = SearchBounds<Value>()
    var position = column
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      defer { position += part.count + 1 }
      guard let found = self.bounds(ofPart: part, stretch) else { throw wrong(field, position) }
      all.narrow(to: found)
      if all.isEmpty {
        let whole = position == column ? "this" : "together with what stands before it, this"
        throw SearchError(
          column: position,
          message: "\(whole) ends before it begins, so nothing could be found; write it as in \(field.example)")
      }
    }
    return all
  }

  /// Nil when it is not understood.
  private func bounds<Value>(
    ofPart part: Substring, _ stretch: (Substring) -> SearchBounds<Value>?
  ) -> SearchBounds<Value>? {
    guard let dots = part.firstRange(of: "..") else {
      let (comparison, value) = comparison(part)
      guard let found = stretch(value) else { return nil }
      return switch comparison {
      case .equal: found
      case .less: SearchBounds(before: found.from)
      case .atMost: SearchBounds(before: found.before)
      case .more: SearchBounds(from: found.before)
      case .atLeast: SearchBounds(from: found.from)
      }
    }
    let (first, last) = (part[..<dots.lowerBound], part[dots.upperBound...])
    guard !first.isEmpty || !last.isEmpty else { return nil }
    var both = SearchBounds<Value>()
    if !first.isEmpty {
      guard let lower = stretch(first) else { return nil }
      both.from = lower.from
    }
    if !last.isEmpty {
      guard let upper = stretch(last) else { return nil }
      both.before = upper.before
    }
    return both
  }

  private func versions(_ text: String, _ column: Int) throws(SearchError) -> SearchBounds<String> {
    try bounds(text, .version, column) { text in
      if let whole = SemanticVersion(parsing: text) { return SearchBounds(from: whole.key, before: whole.key + "!") }
      // Everything that begins so: `2.1`, `2.1.*`, `2.x`.
      var parts = (text.first == "v" ? text.dropFirst() : text).split(separator: ".", omittingEmptySubsequences: false)
      while let last = parts.last, last == "*" || last == "x" { parts.removeLast() }
      let numbers = parts.compactMap { $0.utf8.count <= SemanticVersion.digitLimit ? UInt64($0) : nil }
      guard numbers.count == parts.count, (1...2).contains(numbers.count) else { return nil }
      let key = SemanticVersion.key(of: numbers)
      return SearchBounds(from: key, before: key + "~")
    }
  }

  private func moments(
    _ text: String, _ field: SearchField, _ column: Int
  ) throws(SearchError) -> SearchBounds<Timestamp> {
    // An age runs backwards: younger than 30 days is after the moment 30 days ago.
    let (comparison, rest) = comparison(text[...])
    if let age = age(rest) {
      let moment = now - age
      let after = Timestamp(microseconds: moment.microseconds + 1)
      switch comparison {
      case .less: return SearchBounds(from: after)
      case .atMost, .equal: return SearchBounds(from: moment)
      case .more: return SearchBounds(before: moment)
      case .atLeast: return SearchBounds(before: after)
      }
    }
    return try bounds(text, field, column) { text in
      if let day = Timestamp(parsing: "\(text)T00:00:00Z"), text.utf8.count == 10 {
        return SearchBounds(from: day, before: day + .seconds(86_400))
      }
      guard let moment = Timestamp(parsing: text.uppercased()) else { return nil }
      return SearchBounds(from: moment, before: Timestamp(microseconds: moment.microseconds + 1))
    }
  }

  /// `12h`, `30d`, `6w`, `1y`.
  private func age(_ text: Substring) -> Duration? {
    guard let unit = text.last, let number = Int64(text.dropLast()), (0...100_000).contains(number) else { return nil }
    switch unit {
    case "h": return .seconds(number * 3600)
    case "d": return .seconds(number * 86_400)
    case "w": return .seconds(number * 7 * 86_400)
    case "y": return .seconds(number * 365 * 86_400)
    default: return nil
    }
  }

  private func sizes(_ text: String, _ column: Int) throws(SearchError) -> SearchBounds<Int64> {
    try bounds(text, .size, column) { text in
      let units: [(String, Int64)] = [
        ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40), ("kb", 1000), ("mb", 1_000_000),
        ("gb", 1_000_000_000), ("tb", 1_000_000_000_000), ("b", 1), ("", 1),
      ]
      guard let (name, factor) = units.first(where: { text.hasSuffix($0.0) }),
        let number = Double(text.dropLast(name.count)), number >= 0, number.isFinite,
        number * Double(factor) < 9e15
      else { return nil }
      let bytes = Int64(number * Double(factor))
      return SearchBounds(from: bytes, before: bytes + 1)
    }
  }
}
