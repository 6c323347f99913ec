public import Ground
internal import OCI

extension SearchQuery {
  /// Reads a query; see docs/versions.md, "Search".
  ///
  /// - Parameter now: what `<30d` counts from.
  /// - Throws: ``SearchError``, which says what is wrong and where.
  public init(parsing text: String, now: Timestamp) throws(SearchError) {
    var parser = SearchParser(tokens: try SearchToken.all(of: text), now: now)
    let condition = try parser.query()
    let isForUntagged = parser.untagged != nil
    if let column = parser.untagged {
      if parser.hasTopLevelOr {
        throw SearchError(column: column, message: "untagged:yes is about the whole query, and cannot stand beside OR")
      }
      if let found = parser.firstAboutTags {
        throw SearchError(
          column: found.column, message: "\(found.field): asks about tags, and untagged:yes about images without one")
      }
    }
    self.init(condition: condition, sort: parser.sort ?? .usual, isForUntagged: isForUntagged)
  }
}

/// `or := and (OR and)*`, `and := not (AND? not)*`, `not := (NOT | -) not | term | ( or )`.
struct SearchParser {
  private let tokens: [SearchToken]
  private var position = 0
  private let values: SearchValues
  private var termCount = 0
  private(set) var sort: SearchSort?
  /// Where `untagged:yes` stands.
  private(set) var untagged: Int?
  private(set) var hasTopLevelOr = false
  private(set) var firstAboutTags: (field: String, column: Int)?

  init(tokens: [SearchToken], now: Timestamp) {
    self.tokens = tokens
    values = SearchValues(now: now)
  }

  mutating func query() throws(SearchError) -> SearchCondition {
    if tokens.isEmpty { return .all([]) }
    let condition = try or(depth: 0)
    guard position == tokens.count else {
      throw SearchError(column: tokens[position].column, message: "this parenthesis was never opened")
    }
    return condition
  }

  private var next: SearchToken? { position < tokens.count ? tokens[position] : nil }

  private mutating func or(depth: Int) throws(SearchError) -> SearchCondition {
    var parts = [try and(depth: depth)]
    while next?.kind == .or {
      if depth == 0 { hasTopLevelOr = true }
      position += 1
      parts.append(try and(depth: depth))
    }
    // A part of options only says nothing of what must hold.
    parts.removeAll { $0 == .all([]) }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .all([]) : .any(parts)
  }

  private mutating func and(depth: Int) throws(SearchError) -> SearchCondition {
    var parts: [SearchCondition] = []
    if let part = try not(depth: depth, isOption: depth == 0) { parts.append(part) }
    while let token = next, token.kind != .or, token.kind != .close {
      if token.kind == .and { position += 1 }
      if let part = try not(depth: depth, isOption: depth == 0) { parts.append(part) }
    }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  /// - Returns: nil for what is no condition: `sort:` and `untagged:`.
  private mutating func not(depth: Int, isOption: Bool) throws(SearchError) -> SearchCondition? {
    guard let token = next else {
      let last = tokens.last?.column ?? 1
      throw SearchError(column: last, message: "something must follow this")
    }
    guard depth <= SearchQuery.depthLimit else {
      throw SearchError(
        column: token.column,
        message: "parentheses and negations stand in one another at most \(SearchQuery.depthLimit) deep")
    }
    position += 1
    switch token.kind {
    case .not:
      guard let part = try not(depth: depth + 1, isOption: false) else { return nil }
      return .not(part)
    case .open:
      let part = try or(depth: depth + 1)
      guard next?.kind == .close else {
        throw SearchError(column: token.column, message: "this parenthesis is never closed")
      }
      position += 1
      return part
    case .term(let field, let text, let isQuoted):
      return try term(field, text, isQuoted, token, isOption: isOption)
    case .and, .or: throw SearchError(column: token.column, message: "something must stand before this word")
    case .close: throw SearchError(column: token.column, message: "something must stand before this parenthesis")
    }
  }

  private mutating func term(
    _ field: Substring?, _ text: String, _ isQuoted: Bool, _ token: SearchToken, isOption: Bool
  ) throws(SearchError) -> SearchCondition? {
    termCount += 1
    guard termCount <= SearchQuery.termLimit else {
      throw SearchError(column: token.column, message: "a query has at most \(SearchQuery.termLimit) words and fields")
    }
    if !isQuoted, let glued = SearchField.glued(to: text) {
      throw SearchError(
        column: token.valueColumn,
        message: "“+\(glued):” is in the middle of this: in an address a space is %20, and + is +")
    }
    guard let field else { return .term(try values.word(text, isQuoted, token.column)) }
    let name = String(field).asciiLowercased
    if name == "sort" || name == "untagged" {
      guard isOption else {
        throw SearchError(
          column: token.column, message: "\(name): is about the whole query; write it outside of parentheses")
      }
      if name == "sort" {
        guard sort == nil else { throw SearchError(column: token.column, message: "sort: stands there twice") }
        sort = try values.sort(text, token.valueColumn)
      } else if try values.isYes(text, token.valueColumn) {
        untagged = token.column
      }
      return nil
    }
    guard let known = SearchField(rawValue: name) else {
      throw SearchError(column: token.column, message: SearchField.unknown(String(field), text))
    }
    guard !text.isEmpty else {
      throw SearchError(column: token.valueColumn, message: "\(name): needs a value, such as \(known.example)")
    }
    if known.isAboutTags, firstAboutTags == nil { firstAboutTags = (name, token.column) }
    return .term(try values.term(known, text, token.valueColumn))
  }
}

/// The fields of a query.
enum SearchField: String, CaseIterable {
  case repo, tag, version, label, env, built, pushed, by, platform, size, base, digest, revision, license, package, cve,
    severity

  /// For the person who wrote it wrong.
  var example: String {
    switch self {
    case .repo: "repo:acme/*"
    case .tag: "tag:2.*"
    case .version: "version:>=2.1,<3"
    case .label: "label:team=payments"
    case .env: "env:production"
    case .built: "built:<30d"
    case .pushed: "pushed:2026-11-01..2026-11-15"
    case .by: "by:alice"
    case .platform: "platform:linux/arm64"
    case .size: "size:>500MB"
    case .base: "base:debian"
    case .digest: "digest:sha256:9f86d0"
    case .revision: "revision:4f2c1ab"
    case .license: "license:mit"
    case .package: "package:openssl<3.0.14"
    case .cve: "cve:CVE-2024-3094"
    case .severity: "severity:>=high"
    }
  }

  var isAboutTags: Bool { self == .tag || self == .env || self == .by }

  /// A field that a plus joins to a value: some programs write a space so.
  static func glued(to value: String) -> String? {
    guard value.contains("+") else { return nil }
    let value = value.asciiLowercased
    return (allCases.map(\.rawValue) + ["sort", "untagged"]).first { value.contains("+\($0):") }
  }

  static func unknown(_ name: String, _ value: String) -> String {
    let names = allCases.map(\.rawValue) + ["sort", "untagged"]
    let shown = name.prefix(40)
    let nearest = names.map { (name: $0, distance: distance($0, name.asciiLowercased)) }.min {
      $0.distance < $1.distance
    }
    if let nearest, nearest.distance <= 2 {
      return "there is no field “\(shown)”; did you mean \(nearest.name):?"
    }
    // As the clients of registries write it.
    if name.contains("/"), (try? RepositoryName(parsing: name)) != nil, (try? Tag(parsing: value)) != nil {
      return "there is no field “\(shown)”; the tag is found by repo:\(name) tag:\(value)"
    }
    return
      "there is no field “\(shown)”; fields are \(names.joined(separator: ", ")), and quotation marks make it a word"
  }

  /// How many letters must change to make one text of the other; long ones are not looked at.
  private static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard right.count <= 16 else { return .max }
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let above = row[column + 1]
        row[column + 1] = min(above + 1, row[column] + 1, diagonal + (letter == right[column] ? 0 : 1))
        diagonal = above
      }
    }
    return row[right.count]
  }
}
