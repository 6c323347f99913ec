/// A table whose rows go along when a registry moves to another database, in an order in which each refers only to those before.
///
/// What is left behind belongs to a place or to a moment: uploads under way, chores, and the record of migrations.
public enum StoredTable: String, Sendable, CaseIterable {
  case repository
  case blob
  case repositoryBlob = "repository_blob"
  case manifest
  case manifestContent = "manifest_content"
  case manifestBlob = "manifest_blob"
  case manifestChild = "manifest_child"
  case missingReference = "missing_reference"
  case tag
  case tagEvent = "tag_event"
  case keepsake

  /// Tables that stay where they are.
  static let leftBehind: Set = ["upload", "upload_part", "ended_upload", "chore", "schema_migration", "moved_blob"]

  enum Kind { case integer, text, bytes }

  /// Names of columns with what they hold; those of the primary key first, in its order.
  var columns: [(name: String, kind: Kind)] {
    switch self {
    case .repository: [("id", .integer), ("name", .text), ("manifests", .integer), ("created_at", .integer)]
    case .blob:
      [
        ("digest", .text), ("size", .integer), ("state", .integer), ("links", .integer), ("created_at", .integer),
        ("checked_at", .integer), ("leased_until", .integer), ("place", .text),
      ]
    case .repositoryBlob:
      [("repository_id", .integer), ("digest", .text), ("refs", .integer), ("leased_until", .integer)]
    case .manifest:
      [
        ("id", .integer), ("repository_id", .integer), ("digest", .text), ("media_type", .text), ("kind", .integer),
        ("size", .integer), ("artifact_type", .text), ("subject", .text), ("annotations", .text), ("tags", .integer),
        ("parents", .integer), ("idle_since", .integer), ("pushed_at", .integer),
      ]
    case .manifestContent: [("manifest_id", .integer), ("bytes", .bytes)]
    case .manifestBlob, .manifestChild: [("manifest_id", .integer), ("digest", .text)]
    case .missingReference: [("repository_id", .integer), ("digest", .text), ("manifest_id", .integer)]
    case .tag: [("repository_id", .integer), ("name", .text), ("digest", .text), ("updated_at", .integer)]
    case .tagEvent:
      [
        ("id", .integer), ("repository_id", .integer), ("tag", .text), ("from_digest", .text), ("to_digest", .text),
        ("kind", .text), ("actor", .text), ("at", .integer),
      ]
    case .keepsake: [("name", .text), ("value", .bytes)]
    }
  }

  /// How many of the columns are the primary key.
  var keyCount: Int {
    switch self {
    case .repository, .blob, .manifest, .manifestContent, .tagEvent, .keepsake: 1
    case .repositoryBlob, .manifestBlob, .manifestChild, .tag: 2
    case .missingReference: 3
    }
  }

  /// Its key counts by itself.
  var countsByItself: Bool { columns[0].name == "id" }

  /// Rows that are moved together: few where a row may be large.
  public var pageLimit: Int { self == .manifestContent ? 32 : 1000 }
}

/// A row of a ``StoredTable``, a value for each of its columns.
public struct StoredRow: Sendable {
  public internal(set) var values: [SQLValue]
}
