public import Access
internal import Metadata
public import OCI

/// A page of a list, and where the next one begins.
public struct Page<Element: Sendable>: Sendable {
  public let elements: [Element]
  /// Nil when this is the last page.
  public let next: String?
}

/// A page of a repository's tags.
public struct TagPage: Sendable {
  public let tags: TagList
  /// As in ``Page``.
  public let next: Tag?
}

extension Registry {
  /// Tags in the order of their bytes.
  ///
  /// - Parameter limit: the most that the page may hold; 0 answers an empty page.
  /// - Throws: `NAME_UNKNOWN` when nothing was ever pushed there.
  public func tags(after last: String, limit: Int, permit: Permit<Pull>) async throws -> TagPage {
    let repository = permit.repository
    let found = try await database.read(along: permit.questions) { transaction -> TagList? in
      guard let id = try transaction.repository(named: repository) else { return nil }
      return try transaction.tags(in: id, after: last, limit: limit == 0 ? 0 : limit + 1)
    }
    guard var tags = found else { throw Self.unknownName(repository) }
    guard tags.count > limit else { return TagPage(tags: tags, next: nil) }
    tags.removeLast()
    return TagPage(tags: tags, next: tags.last)
  }

  /// Repositories that hold a manifest, in the order of their names' bytes, as far as the permit shows them.
  public func catalogue(after last: String, limit: Int, permit: CataloguePermit) async throws -> Page<RepositoryName> {
    guard limit > 0 else { return Page(elements: [], next: nil) }
    var shown: [RepositoryName] = []
    for range in CatalogueRange.all(permit.namespaces) where range.end.map({ $0 > last }) ?? true {
      // The name that a range begins with is part of it.
      var position = max(last, range.before)
      while shown.count <= limit {
        let from = position
        let batch = try await database.read { try $0.catalogue(after: from, before: range.end, limit: limit + 1) }
        shown += batch.filter { permit.shows($0) }
        guard batch.count == limit + 1, let end = batch.last else { break }
        position = end.text
      }
      if shown.count > limit { break }
    }
    return Self.page(shown, limit: limit) { $0.text }
  }

  /// How many referrers a page holds: with annotations of usual size it stays well under the manifest limit.
  public static let referrersPageLimit = 500

  /// Manifests that name `subject`, whether it is here or not.
  public func referrers(
    of subject: Digest, artifactType: String?, after last: Digest?, permit: Permit<Pull>
  ) async throws -> Page<Descriptor> {
    let repository = permit.repository
    let found = try await database.read(along: permit.questions) { transaction in
      try transaction.referrers(
        of: subject, in: repository, artifactType: artifactType, after: last, limit: Self.referrersPageLimit + 1)
    }
    return Self.page(found, limit: Self.referrersPageLimit) { $0.digest.description }
  }

  private static func page<Element: Sendable>(_ found: [Element], limit: Int, _ key: (Element) -> String) -> Page<
    Element
  > {
    guard found.count > limit, limit > 0 else { return Page(elements: found, next: nil) }
    let elements = Array(found.prefix(limit))
    return Page(elements: elements, next: elements.last.map(key))
  }

  static func unknownName(_ repository: RepositoryName) -> RegistryError {
    RegistryError(
      .nameUnknown, "there is no repository \(repository)", details: [["name": .string(repository.text)]])
  }
}

/// A stretch of the order of all names.
///
/// The repositories of a namespace are not together in the order of bytes: `a` is before `a-b/x`, and that before `a/x`.
struct CatalogueRange: Sendable, Hashable {
  /// Everything after this text.
  let before: String
  /// And before this one; nil: to the end.
  let end: String?

  /// The stretches that hold the repositories of some namespaces, in order; nil: of all.
  static func all(_ namespaces: [String]?) -> [CatalogueRange] {
    guard let namespaces else { return [CatalogueRange(before: "", end: nil)] }
    let ranges = namespaces.flatMap { name in
      // No name holds a byte below `!`; `0` follows the slash.
      [CatalogueRange(before: justBefore(name), end: name + "!"), CatalogueRange(before: name + "/", end: name + "0")]
    }
    return ranges.sorted { $0.before < $1.before }
  }

  /// A text that is before `name` with no name of a repository between.
  private static func justBefore(_ name: String) -> String {
    var bytes = Array(name.utf8)
    bytes[bytes.count - 1] -= 1
    return String(decoding: bytes, as: UTF8.self) + "~"
  }
}
