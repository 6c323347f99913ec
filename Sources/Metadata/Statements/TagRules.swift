public import Ground
public import OCI

/// A tag may not be changed so.
public struct TagRefusal: Error, Sendable, CustomStringConvertible {
  public let tag: Tag
  /// For the client: what keeps it, and what can be done.
  public let message: String
  public var description: String { message }

  public init(_ tag: Tag, _ message: String) {
    self.tag = tag
    self.message = message
  }
}

/// What a namespace says of the tags of one of its repositories, as a transaction that changes tags has to see it.
public struct TagRules: Sendable {
  /// Environments that the repository is part of: their names are tags that only releases move.
  public let environments: [Tag]
  private let immutable: [TagSelector]
  /// The channels that follow versions here.
  public let channels: [TagChannel]
  private let repository: RepositoryName

  struct StoredRule {
    let kind, pattern, value: String
  }

  init(_ rows: [StoredRule], of repository: RepositoryName) throws {
    self.repository = repository
    var environments: [Tag] = []
    var immutable: [TagSelector] = []
    var channels: (weight: Int, value: String)?
    for row in rows {
      switch row.kind {
      case "environment":
        let patterns = try Self.texts(row.value).compactMap { RepositoryPattern(parsing: $0) }
        if patterns.contains(where: { $0.matches(repository) }) {
          guard let tag = try? Tag(parsing: row.pattern) else { continue }
          environments.append(tag)
        }
      case RepositoryRule.Kind.immutable.rawValue where Self.takes(row, repository):
        let texts = try Self.texts(row.value)
        do { immutable.append(try TagSelector(parsing: texts)) } catch {
          throw DatabaseError.corrupt("a rule about tags is stored as “\(row.value)”")
        }
      case RepositoryRule.Kind.channels.rawValue where Self.takes(row, repository):
        let weight = RepositoryPattern(parsing: row.pattern)?.weight ?? 0
        if channels.map({ weight >= $0.weight }) ?? true { channels = (weight, row.value) }
      default: break
      }
    }
    self.environments = environments
    self.immutable = immutable
    let texts = try channels.map { try Self.channelTexts($0.value) } ?? []
    self.channels = texts.compactMap { TagChannel(rawValue: $0) }
  }

  private static func channelTexts(_ json: String) throws -> [String] {
    guard let array = (try? JSONValue.parse(json))?["channels"]?.array else {
      throw DatabaseError.corrupt("a rule about channels is stored as “\(json)”")
    }
    return array.compactMap(\.string)
  }

  private static func takes(_ row: StoredRule, _ repository: RepositoryName) -> Bool {
    RepositoryPattern(parsing: row.pattern)?.matches(repository) ?? false
  }

  private static func texts(_ json: String) throws -> [String] {
    guard let array = (try? JSONValue.parse(json))?.array else {
      throw DatabaseError.corrupt("a rule about tags is stored as “\(json)”")
    }
    return array.compactMap(\.string)
  }

  public func isImmutable(_ tag: Tag) -> Bool { immutable.contains { $0.takes(tag) } }

  public func isProtected(_ tag: Tag) -> Bool { environments.contains(tag) }

  /// Whether a tag is a channel that comes to a version when it is pushed.
  public func isChannel(_ tag: Tag, of version: SemanticVersion) -> Bool {
    !version.isPrerelease && channels.contains { $0.tag(for: version) == tag }
  }

  /// Whether a tag may be pointed elsewhere by hand.
  ///
  /// - Parameter previous: what it points to now.
  public func checkMove(of tag: Tag, from previous: Digest?, to digest: Digest) throws(TagRefusal) {
    guard previous != digest else { return }
    if isProtected(tag) { throw protected(tag) }
    guard let previous, isImmutable(tag) else { return }
    throw TagRefusal(
      tag,
      "the tag \(tag) of \(repository) is immutable and points to \(previous); push another tag, or have an owner change the rule"
    )
  }

  /// What those are told who move a channel by hand.
  func channelRefusal(_ tag: Tag) -> TagRefusal {
    TagRefusal(
      tag, "\(tag) of \(repository) is a channel that follows the versions pushed there; push a version, such as 2.1.7")
  }

  public func checkDeletion(of tag: Tag) throws(TagRefusal) {
    if isProtected(tag) { throw protected(tag) }
    guard isImmutable(tag) else { return }
    throw TagRefusal(tag, "the tag \(tag) of \(repository) is immutable; an owner can change the rule")
  }

  private func protected(_ tag: Tag) -> TagRefusal {
    TagRefusal(
      tag, "\(tag) is an environment: what runs there is changed by berth env promote and berth env rollback only")
  }
}

/// What a namespace wants of some of its repositories.
public struct RepositoryRule: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case immutable, history, retention, channels
    /// Which images are not given out, or with a warning, for what is wrong with them.
    case policy
  }

  public let kind: Kind
  public let pattern: RepositoryPattern
  /// JSON; its shape is that of the kind.
  public let value: String
  public let changedBy: String
  public let changedAt: Timestamp
}

extension Reading where Self: ~Copyable {
  /// What has to be asked before a tag of the repository is changed.
  public func tagRules(of repository: RepositoryName) throws -> TagRules {
    try TagRules(try tagRuleRows(of: repository).all(), of: repository)
  }

  func tagRuleRows(of repository: RepositoryName) throws -> Later<TagRules.StoredRule> {
    try later(
      """
      SELECT kind, pattern, value FROM repository_rule
      WHERE namespace = \(repository.namespace) AND kind IN ('immutable', 'channels')
      UNION ALL SELECT 'environment', name, repositories FROM environment WHERE namespace = \(repository.namespace)
      """
    ) { TagRules.StoredRule(kind: $0.text(0), pattern: $0.text(1), value: $0.text(2)) }
  }

  /// The rules of a namespace, of one kind or of all, in the order of kind and pattern.
  public func repositoryRules(of namespace: String, kind: RepositoryRule.Kind? = nil) throws -> [RepositoryRule] {
    try laterRules(of: namespace, kind: kind).all()
  }

  /// The same, to be waited for together with what is asked next.
  public func laterRules(of namespace: String, kind: RepositoryRule.Kind?) throws -> Later<RepositoryRule> {
    try later(
      """
      SELECT kind, pattern, value, changed_by, changed_at FROM repository_rule
      WHERE namespace = \(namespace) AND kind = COALESCE(\(kind?.rawValue), kind) ORDER BY kind, pattern
      """
    ) { row in
      guard let kind = RepositoryRule.Kind(rawValue: row.text(0)),
        let pattern = RepositoryPattern(parsing: row.text(1))
      else { throw DatabaseError.corrupt("a rule is stored as \(row.text(0)) on “\(row.text(1))”") }
      return RepositoryRule(
        kind: kind, pattern: pattern, value: row.text(2), changedBy: row.text(3), changedAt: row.timestamp(4))
    }
  }
}

extension Transaction {
  /// Sets a rule, in place of the one of this kind on the same pattern.
  public func setRule(
    _ kind: RepositoryRule.Kind, on pattern: RepositoryPattern, of namespace: String, to value: JSONValue,
    by actor: String
  ) throws {
    try enqueue(
      """
      INSERT INTO repository_rule (namespace, kind, pattern, value, changed_by, changed_at)
      VALUES (\(namespace), \(kind.rawValue), \(pattern.text), \(value.text), \(actor), \(now))
      ON CONFLICT (namespace, kind, pattern) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by,
        changed_at = excluded.changed_at
      """)
  }

  /// Takes a rule away. Answers whether it was there.
  public func deleteRule(_ kind: RepositoryRule.Kind, on pattern: String, of namespace: String) throws -> Bool {
    try execute(
      """
      DELETE FROM repository_rule WHERE namespace = \(namespace) AND kind = \(kind.rawValue) AND pattern = \(pattern)
      """) == 1
  }
}
