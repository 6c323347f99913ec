public import Metadata
public import OCI

/// What the rules of a namespace may hold.
public enum RuleValue {
  /// A rule's value in the form in which it is kept.
  ///
  /// - Throws: ``ParseError`` that says what is wrong with it.
  public static func validated(_ kind: RepositoryRule.Kind, _ value: JSONValue) throws(ParseError) -> JSONValue {
    switch kind {
    case .immutable: return try selector(value)
    case .history: return try HistoryRule(json: value).json
    case .retention: return try RetentionRule(json: value).json
    case .channels: return try ChannelRule(json: value).json
    case .policy: return try FindingPolicy(json: value).json
    }
  }

  /// `["v*", "!latest"]`
  private static func selector(_ value: JSONValue) throws(ParseError) -> JSONValue {
    guard let array = value.array else {
      throw ParseError(.tag, "the value is a list of patterns of tags, such as [\"v*\", \"!latest\"]")
    }
    let texts = array.compactMap(\.string)
    guard texts.count == array.count else { throw ParseError(.tag, "a pattern of tags is a text") }
    return .array(try TagSelector(parsing: texts).texts.map { .string($0) })
  }
}
