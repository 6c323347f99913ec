public import Ground
public import OCI

/// Where in the order of results a page ended.
public struct SearchPosition: Sendable, Hashable {
  /// What results are sorted by: a whole number or a text.
  public enum Key: Sendable, Hashable, SQLBindable {
    case number(Int64)
    case text(String)

    public var sqlValue: SQLValue {
      switch self {
      case .number(let number): .integer(number)
      case .text(let text): .text(text)
      }
    }
  }

  public let key: Key
  public let repository: Int64
  /// The tag, or the digest.
  public let entry: String

  public init(key: Key, repository: Int64, entry: String) {
    self.key = key
    self.repository = repository
    self.entry = entry
  }
}

/// An image that was found.
public struct FoundImage: Sendable {
  public let position: SearchPosition
  public let repository: RepositoryName
  /// Nil: no tag points to it.
  public let tag: Tag?
  public let digest: Digest
  public let mediaType: MediaType
  public let pushedAt: Timestamp
  /// Who pointed the tag there, where that is known.
  public let actor: String?
  /// Nil until they are read.
  public fileprivate(set) var facts: ImageFacts?
  /// What people set on the tag, else on the digest.
  public fileprivate(set) var labels: [String: String] = [:]
  fileprivate let manifest: Int64
}

/// Some results, in order.
public struct FoundImages: Sendable {
  public let images: [FoundImage]
  /// Where to go on; nil at the end. A page may be short, even empty, and not the last.
  public let next: SearchPosition?

  public init(images: [FoundImage], next: SearchPosition?) {
    self.images = images
    self.next = next
  }
}

/// The query would have to look at everything to be answered so.
public struct SearchTooWide: Error, Sendable {
  public let sort: SearchSort.Key
}

/// Where a search begins.
private enum SearchSelection {
  case nothing
  /// Everything that the most selective part of the query takes, with the term that it need not be asked again.
  case entries(SearchEntries, known: SearchTerm?)
  /// No part is selective.
  case everything
}

extension Reading where Self: ~Copyable {
  /// A page of what a query finds. Cost: bounded, whatever the size of the registry; where the query is selective, by the
  /// number of tags that its most selective part takes.
  ///
  /// - Parameter namespaces: only repositories of these; nil: of all.
  /// - Throws: ``SearchTooWide``.
  public func search(
    _ query: SearchQuery, in namespaces: [String]?, after position: SearchPosition?, limit: Int
  ) throws -> FoundImages {
    try search(query, in: namespaces, after: position, limit: limit, SearchLimits())
  }

  func search(
    _ query: SearchQuery, in namespaces: [String]?, after position: SearchPosition?, limit: Int, _ limits: SearchLimits
  ) throws -> FoundImages {
    var environments: [String: String] = [:]
    for name in query.condition.environments { environments[name] = try environmentPatterns(name) }
    let domain: SearchDomain = query.isForUntagged ? .untagged : .tags
    let order = SearchOrder(query.sort, domain, asksNames: namespaces != nil || query.condition.asksNames)
    let filters = SearchFilters(domain: domain, environments: environments)
    func filter(_ condition: SearchCondition) -> SQL {
      guard let namespaces else { return filters.sql(condition) }
      return """
        \(filters.sql(condition)) AND \(SearchFilters.namespace) IN
          (SELECT value FROM {LIST}(CAST(\(Transaction.list(namespaces)) AS {JSON})))
        """
    }
    switch try selection(query.condition, namespaces, domain, limits) {
    case .nothing: return FoundImages(images: [], next: nil)
    case .entries(let entries, let known):
      let rest = filter(known.map { query.condition.without($0) } ?? query.condition)
      let found = try images(order.statement(entries, rest, after: position, limit: limit + 1), order)
      return FoundImages(
        images: try withLabels(Array(found.prefix(limit))), next: found.count > limit ? found[limit - 1].position : nil)
    case .everything: return try walk(order, filter(query.condition), after: position, limit: limit, limits)
    }
  }

  /// Looks at some tags in the order of results. Such a page may be short.
  private func walk(
    _ order: SearchOrder, _ filter: SQL, after position: SearchPosition?, limit: Int, _ limits: SearchLimits
  ) throws -> FoundImages {
    guard let walk = order.walk(after: position, limit: limits.walk) else { throw SearchTooWide(sort: order.sort.key) }
    let found = try images(
      order.statement(order.domain.entries(of: walk), filter, after: nil, limit: limit + 1), order)
    if found.count > limit {
      return FoundImages(images: try withLabels(Array(found.prefix(limit))), next: found[limit - 1].position)
    }
    let end = try order.end(after: position, skipping: limits.walk - 1).flatMap { last in
      try first(last.once) {
        SearchPosition(key: order.key($0, 2), repository: $0.integer(0), entry: $0.text(1))
      }
    }
    return FoundImages(images: try withLabels(found), next: end)
  }

  /// Counts what parts of a query take, and chooses the one that takes the least.
  private func selection(
    _ condition: SearchCondition, _ namespaces: [String]?, _ domain: SearchDomain, _ limits: SearchLimits
  ) throws -> SearchSelection {
    var sources = SearchSource.all(of: condition, domain)
    if let namespaces, namespaces.count <= limits.namespaces { sources.append(.namespaces(namespaces)) }
    var best: (count: Int, source: SearchSource, parts: [Int])?
    for source in sources.prefix(limits.sources) {
      var limit = source.isOneRepository ? limits.entriesOfRepository : limits.entries
      // Only one that is much better is worth its counting.
      if let best { limit = min(limit, best.count / 4) }
      guard let counting = source.counts(domain, limit: limit + 1) else { return .nothing }
      let counts = try all(counting.once) { (part: Int($0.integer(0)), count: Int($0.integer(1))) }
      let count = counts.reduce(0) { $0 + $1.count }
      guard count > 0 else { return .nothing }
      guard count <= limit else { continue }
      best = (count, source, counts.filter { $0.count > 0 }.map(\.part).sorted())
      if count <= limits.goodEnough { break }
    }
    guard let (count, source, parts) = best else { return .everything }
    return .entries(source.entries(domain, parts: parts, limit: count + 1), known: source.exactTerm)
  }

  private func images(_ statement: SQL, _ order: SearchOrder) throws -> [FoundImage] {
    try all(statement.once) { row in
      FoundImage(
        position: SearchPosition(key: order.key(row, 0), repository: row.integer(1), entry: row.text(2)),
        repository: try row.repositoryName(3), tag: order.domain == .tags ? try row.tag(2) : nil,
        digest: try row.digest(4), mediaType: try row.mediaType(5), pushedAt: row.timestamp(6),
        actor: row.optionalText(7), facts: row.imageFacts(from: 9), manifest: row.integer(8))
    }
  }

  /// One look for all images' own labels, and one for those that people set: on a database elsewhere a look for each result costs
  /// more than finding it.
  private func withLabels(_ images: [FoundImage]) throws -> [FoundImage] {
    guard !images.isEmpty else { return images }
    let set = try labelRows(of: images)
    let ofImages = try imageLabels(of: Set(images.map(\.manifest)).sorted())
    return images.map { image in
      var image = image
      image.facts?.labels = ofImages[image.manifest] ?? [:]
      image.labels = LabelRow.effective(image.labelTargets.flatMap { set[$0] ?? [] }, tag: image.tag)
      return image
    }
  }

  private func labelRows(of images: [FoundImage]) throws -> [String: [LabelRow]] {
    let list = Transaction.list(Set(images.flatMap(\.labelTargets)).sorted())
    let rows = try all(
      """
      SELECT e.value, l.target, l.key, l.value, l.set_by, l.set_at
      FROM {LIST}(CAST(\(list) AS {JSON})) e CROSS JOIN label l
      WHERE l.repository_id = CAST(substr(e.value, 1, {POSITION}(e.value, ' ') - 1) AS BIGINT)
        AND l.target = substr(e.value, {POSITION}(e.value, ' ') + 1)
      """
    ) { row in (place: row.text(0), label: row.label(from: 1)) }
    return Dictionary(grouping: rows, by: \.place).mapValues { $0.map(\.label) }
  }
}

extension FoundImage {
  /// What labels that count for it may be set on, each with its repository before it.
  fileprivate var labelTargets: [String] {
    ([digest.description] + (tag.map { [$0.text] } ?? [])).map { "\(position.repository) \($0)" }
  }
}

extension SearchCondition {
  /// What is left to ask when one of the terms that must hold is known to.
  fileprivate func without(_ known: SearchTerm) -> SearchCondition {
    switch self {
    case .term(known): .all([])
    case .all(let parts): .all(parts.filter { $0 != .term(known) })
    case .any, .not, .term: self
    }
  }

  /// Whether it asks for repositories' names.
  fileprivate var asksNames: Bool {
    switch self {
    case .all(let parts), .any(let parts): parts.contains { $0.asksNames }
    case .not(let part): part.asksNames
    case .term(.repository): true
    case .term: false
    }
  }

  /// Names of environments that it asks about.
  fileprivate var environments: Set<String> {
    switch self {
    case .all(let parts), .any(let parts): parts.reduce(into: []) { $0.formUnion($1.environments) }
    case .not(let part): part.environments
    case .term(.environment(let name)): [name]
    case .term: []
    }
  }
}
