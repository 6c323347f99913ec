/// One numbered step of the schema. A step that has been released is never changed; what is wrong is put right by a later one.
///
/// The text is SQL for every database, with these words for what they spell differently:
/// `{ID}` an integer key that counts by itself, `{TEXT}` text that is ordered by its bytes, `{BYTES}` bytes, `{CLUSTERED}`
/// after a table whose rows should lie in the order of its primary key.
struct Migration: Sendable {
  let number: Int
  let name: String
  let script: String

  /// All steps, in their order. Numbers begin at 1 and have no gaps.
  static let all: [Migration] = [.registry]

  /// The schema that this version of Berth works with.
  static var latest: Int { all.count }

  func scriptForSQLite() -> String {
    script.replacing("{ID}", with: "INTEGER PRIMARY KEY AUTOINCREMENT")
      .replacing("{TEXT}", with: "TEXT")
      .replacing("{BYTES}", with: "BLOB")
      .replacing("{CLUSTERED}", with: "WITHOUT ROWID")
  }
}
