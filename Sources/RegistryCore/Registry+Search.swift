public import Access
public import Metadata

extension Registry {
  /// How often a page that lacks results is filled up: where nothing in a query is selective, each time is a bounded walk.
  private static let searchRounds = 2

  /// A page of what a query finds, as far as the permit shows it. It may hold less than `limit`, and not be the last.
  ///
  /// - Throws: ``SearchTooWide``.
  public func search(
    _ query: SearchQuery, after position: SearchPosition?, limit: Int, permit: CataloguePermit
  ) async throws -> FoundImages {
    let query = try await resolved(query)
    var images: [FoundImage] = []
    var next = position
    for _ in 0..<Self.searchRounds {
      let (after, wanted) = (next, limit - images.count)
      let page = try await database.read {
        try $0.search(query, in: permit.namespaces, after: after, limit: wanted)
      }
      images += page.images.filter { permit.shows($0.repository) }
      next = page.next
      if next == nil || images.count >= limit { break }
    }
    return FoundImages(images: images, next: next)
  }

  /// With the packages that are meant in place of bounds of their versions, and of how bad something is with them.
  private func resolved(_ query: SearchQuery) async throws -> SearchQuery {
    var keys: [SearchTerm.PackageVersions: [Int64]] = [:]
    let asked = query.unresolved
    for wanted in asked.versions {
      let known = try await database.read { try PackageName.versions(of: wanted.name, $0) }
      keys[wanted] = known.filter { PackageOrder.takes($0.version, ofType: $0.type, wanted.bounds) }.map(\.key)
    }
    var flawed: [[String]: [Int64]] = [:]
    for words in asked.severities where flawed[words] == nil {
      flawed[words] = try await database.read { try $0.packages(withFindingsOf: words) }
    }
    return query.resolvingPackages {
      keys[$0] ?? []
    } flawed: {
      flawed[$0] ?? []
    }
  }
}
