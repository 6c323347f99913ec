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
    let grades = query.condition.asksSeverities ? try recordedGrades() : [:]
    let filters = SearchFilters(domain: domain, environments: environments, grades: grades)
    func filter(_ condition: SearchCondition) -> SQL {
      guard let namespaces else { return filters.sql(condition) }
      return """
        \(filters.sql(condition)) AND \(SearchFilters.namespace) IN
          (SELECT value FROM {LIST}(CAST(\(Transaction.list(namespaces)) AS {JSON})))
        """
    }
    if let (entries, known) = try selectiveEntries(query.condition, namespaces, domain, limits) {
      let rest = filter(known.map { query.condition.without($0) } ?? query.condition)
      let found = try images(order.statement(entries, rest, after: position, limit: limit + 1), order)
      return FoundImages(
        images: try withLabels(Array(found.prefix(limit))), next: found.count > limit ? found[limit - 1].position : nil)
    }
    guard let walk = order.walk(after: position, limit: limits.walk) else {
      throw SearchTooWide(sort: query.sort.key)
    }
    let found = try images(order.statement(walk, filter(query.condition), after: nil, limit: limit + 1), order)
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

  /// Everything that the most selective part of a query takes, with the term that it need not be asked again; nil when none is
  /// selective.
  private func selectiveEntries(
    _ condition: SearchCondition, _ namespaces: [String]?, _ domain: SearchDomain, _ limits: SearchLimits
  ) throws -> (entries: SQL, known: SearchTerm?)? {
    var sources = SearchSource.all(of: condition, domain)
    if let namespaces, namespaces.count <= limits.namespaces { sources.append(.namespaces(namespaces)) }
    var best: (count: Int64, source: SearchSource)?
    for source in sources.prefix(limits.sources) {
      var limit = source.isOneRepository ? limits.entriesOfRepository : limits.entries
      // Only one that is much better is worth its counting.
      if let best { limit = min(limit, Int(best.count) / 4) }
      guard let counting = source.count(domain, limit: limit + 1) else {
        return (domain.nothing, nil)
      }
      let count = try number(counting.once)
      guard count <= Int64(limit) else { continue }
      best = (count, source)
      if count <= limits.goodEnough { break }
    }
    guard let best else { return nil }
    let parts = best.source.entries(domain, limit: Int(best.count) + 1)
    guard let first = parts.first else { return nil }
    let together = parts.dropFirst().reduce(first) { "\($0) UNION ALL \($1)" }
    return ("SELECT DISTINCT * FROM (\(together)) entries", best.source.exactTerm)
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

  /// One look for all images' own labels, and one a repository for those that people set: on a database elsewhere a look for each
  /// result costs more than finding it.
  private func withLabels(_ images: [FoundImage]) throws -> [FoundImage] {
    let set = try Dictionary(grouping: images, by: \.repositoryKey).mapValues { images in
      try labelRows(
        RepositoryID(value: images[0].repositoryKey),
        Set(images.flatMap { [$0.digest.description] + ($0.tag.map { [$0.text] } ?? []) }).sorted())
    }
    let ofImages = try imageLabels(of: Set(images.map(\.manifest)).sorted())
    let ofTargets = try set.mapValues { Dictionary(grouping: try $0.all(), by: \.target) }
    return images.map { image in
      var image = image
      image.facts?.labels = ofImages[image.manifest] ?? [:]
      let targets = [image.digest.description] + (image.tag.map { [$0.text] } ?? [])
      let rows = targets.flatMap { ofTargets[image.repositoryKey]?[$0] ?? [] }
      image.labels = LabelRow.effective(rows, tag: image.tag)
      return image
    }
  }
}

extension FoundImage {
  fileprivate var repositoryKey: Int64 { position.repository }
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
    case .term(.repository), .term(.environment): true
    case .term: false
    }
  }

  /// Whether it asks how bad findings are.
  fileprivate var asksSeverities: Bool {
    switch self {
    case .all(let parts), .any(let parts): parts.contains { $0.asksSeverities }
    case .not(let part): part.asksSeverities
    case .term(.severity): true
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
