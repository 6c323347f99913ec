/// One numbered step of the schema. A step that has been released is never changed; what is wrong is put right by a later one.
///
/// The text is SQL for every database, with the words of ``SQLDialect``.
struct Migration: Sendable {
  let number: Int
  let name: String
  let script: String

  /// All steps, in their order. Numbers begin at 1 and have no gaps.
  static let all: [Migration] = [
    .registry, .replicas, .access, .tagMemory, .environments, .search, .pulls, .inspection, .advisories, .policies,
    .names, .exploited, .agreement, .makers, .exceptionScope, .recordedPulls,
  ]

  /// The schema that this version of Berth works with.
  static var latest: Int { all.count }
}
