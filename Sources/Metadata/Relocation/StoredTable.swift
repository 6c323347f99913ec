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
  case namespace
  case account
  case team
  case teamMember = "team_member"
  case accessGrant = "access_grant"
  case token
  case trustRule = "trust_rule"
  case certificateRule = "certificate_rule"
  case signingKey = "signing_key"
  case auditRecord = "audit_record"
  case repositoryRule = "repository_rule"
  case environment
  case environmentRelease = "environment_release"
  case releaseImage = "release_image"
  case releaseApproval = "release_approval"
  case deployment
  case imageFact = "image_fact"
  case imageLabel = "image_label"
  case label
  case labelEvent = "label_event"
  case repositoryWord = "repository_word"
  case tagWord = "tag_word"
  case manifestWord = "manifest_word"
  case labelWord = "label_word"
  case layerInventory = "layer_inventory"
  case layerFileList = "layer_file_list"
  case imageInventory = "image_inventory"
  case imageLayer = "image_layer"
  case package
  case packageSubject = "package_subject"
  case imagePackage = "image_package"
  case imageNotice = "image_notice"
  case advisoryFeed = "advisory_feed"
  case advisory
  case advisoryAlias = "advisory_alias"
  case advisoryPackage = "advisory_package"
  case finding
  case vulnerability
  case exploited
  case findingEvent = "finding_event"
  case findingException = "finding_exception"
  case vexStatement = "vex_statement"

  /// Tables that stay where they are.
  static let leftBehind: Set = [
    "upload", "upload_part", "ended_upload", "chore", "schema_migration", "moved_blob", "device_login",
    "access_revision",
  ]

  enum Kind { case integer, text, bytes }

  /// Names of columns with what they hold; those of the primary key first, in its order.
  var columns: [(name: String, kind: Kind)] {
    switch self {
    case .repository:
      [
        ("id", .integer), ("name", .text), ("manifests", .integer), ("created_at", .integer),
        ("history_from", .integer), ("is_indexed", .integer),
      ]
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
        ("parents", .integer), ("idle_since", .integer), ("pushed_at", .integer), ("events", .integer),
        ("hidden_at", .integer), ("pulled_at", .integer), ("pulls", .integer), ("facts_due", .integer),
        ("facts_tries", .integer),
      ]
    case .manifestContent: [("manifest_id", .integer), ("bytes", .bytes)]
    case .manifestBlob, .manifestChild: [("manifest_id", .integer), ("digest", .text)]
    case .missingReference: [("repository_id", .integer), ("digest", .text), ("manifest_id", .integer)]
    case .tag:
      [
        ("repository_id", .integer), ("name", .text), ("digest", .text), ("updated_at", .integer), ("actor", .text),
        ("version_key", .text), ("is_indexed", .integer),
      ]
    case .tagEvent:
      [
        ("id", .integer), ("repository_id", .integer), ("tag", .text), ("from_digest", .text), ("to_digest", .text),
        ("kind", .text), ("actor", .text), ("at", .integer), ("namespace", .text), ("reason", .text),
        ("request_id", .text), ("release_id", .integer), ("is_kept", .integer),
      ]
    case .keepsake: [("name", .text), ("value", .bytes)]
    case .namespace: [("name", .text), ("is_public", .integer), ("created_at", .integer)]
    case .account:
      [
        ("id", .integer), ("name", .text), ("kind", .text), ("namespace", .text), ("password", .text),
        ("site_role", .text), ("is_disabled", .integer), ("issuer", .text), ("subject", .text), ("epoch", .integer),
        ("created_at", .integer), ("seen_at", .integer), ("made_by", .text),
      ]
    case .team: [("id", .integer), ("name", .text), ("sso_group", .text), ("created_at", .integer)]
    case .teamMember: [("team_id", .integer), ("account_id", .integer), ("source", .text)]
    case .accessGrant:
      [
        ("id", .integer), ("namespace", .text), ("pattern", .text), ("account_id", .integer), ("team_id", .integer),
        ("role", .text), ("granted_by", .text), ("created_at", .integer),
      ]
    case .token:
      [
        ("id", .text), ("account_id", .integer), ("kind", .text), ("name", .text), ("hash", .text), ("scope", .text),
        ("parent", .text), ("epoch", .integer), ("expires_at", .integer), ("used_at", .integer),
        ("created_at", .integer), ("made_by", .text),
      ]
    case .trustRule:
      [
        ("id", .integer), ("namespace", .text), ("name", .text), ("issuer", .text), ("audience", .text),
        ("claims", .text), ("pattern", .text), ("role", .text), ("lifetime_seconds", .integer), ("created_by", .text),
        ("created_at", .integer),
      ]
    case .certificateRule:
      [
        ("id", .integer), ("account_id", .integer), ("field", .text), ("value", .text), ("created_at", .integer),
      ]
    case .signingKey:
      [("id", .text), ("private_key", .bytes), ("created_at", .integer), ("retired_at", .integer)]
    case .auditRecord:
      [
        ("id", .integer), ("kind", .text), ("outcome", .text), ("actor", .text), ("credential", .text),
        ("address", .text), ("namespace", .text), ("target", .text), ("detail", .text), ("request_id", .text),
        ("at", .integer), ("position", .integer), ("content_hash", .text), ("chain_hash", .text),
      ]
    case .repositoryRule:
      [
        ("id", .integer), ("namespace", .text), ("kind", .text), ("pattern", .text), ("value", .text),
        ("changed_by", .text), ("changed_at", .integer),
      ]
    case .environment:
      [
        ("id", .integer), ("namespace", .text), ("name", .text), ("repositories", .text), ("settings", .text),
        ("effective", .integer), ("created_by", .text), ("created_at", .integer),
      ]
    case .environmentRelease:
      [
        ("id", .integer), ("environment_id", .integer), ("number", .integer), ("kind", .text), ("state", .text),
        ("sequence", .integer), ("effective", .integer), ("base", .integer), ("goal", .integer),
        ("requested_by", .text),
        ("reason", .text), ("request_id", .text), ("idempotency_key", .text), ("body_hash", .text),
        ("requested_at", .integer), ("ended_at", .integer), ("warnings", .text), ("requested_rules", .text),
        ("requested_makers", .text),
      ]
    case .releaseImage:
      [
        ("release_id", .integer), ("repository_id", .integer), ("from_digest", .text), ("to_digest", .text),
        ("source", .text),
      ]
    case .releaseApproval:
      [
        ("release_id", .integer), ("actor", .text), ("comment", .text), ("at", .integer), ("rules", .text),
        ("makers", .text),
      ]
    case .deployment:
      [
        ("environment_id", .integer), ("repository_id", .integer), ("digest", .text), ("release_id", .integer),
        ("since", .integer),
      ]
    case .imageFact:
      [
        ("manifest_id", .integer), ("state", .text), ("reason", .text), ("built_at", .integer), ("version", .text),
        ("version_key", .text), ("revision", .text), ("source", .text), ("title", .text), ("licenses", .text),
        ("base_name", .text), ("base_digest", .text), ("platforms", .text), ("size", .integer), ("layers", .integer),
      ]
    case .imageLabel: [("manifest_id", .integer), ("key", .text), ("value", .text)]
    case .label:
      [
        ("repository_id", .integer), ("target", .text), ("key", .text), ("value", .text), ("set_by", .text),
        ("set_at", .integer),
      ]
    case .labelEvent:
      [
        ("id", .integer), ("repository_id", .integer), ("target", .text), ("key", .text), ("from_value", .text),
        ("to_value", .text), ("actor", .text), ("reason", .text), ("request_id", .text), ("at", .integer),
      ]
    case .repositoryWord: [("repository_id", .integer), ("word", .text)]
    case .tagWord: [("repository_id", .integer), ("tag", .text), ("word", .text)]
    case .manifestWord: [("manifest_id", .integer), ("word", .text)]
    case .labelWord: [("repository_id", .integer), ("target", .text), ("word", .text)]
    case .layerInventory, .layerFileList, .imageInventory, .imageLayer, .package, .packageSubject, .imagePackage,
      .imageNotice:
      inventoryColumns
    case .advisoryFeed, .advisory, .advisoryAlias, .advisoryPackage, .finding, .vulnerability, .exploited,
      .findingEvent, .findingException, .vexStatement:
      advisoryColumns
    }
  }

  /// How many of the columns are the primary key.
  var keyCount: Int {
    switch self {
    case .repository, .blob, .manifest, .manifestContent, .tagEvent, .keepsake, .namespace, .account, .team,
      .accessGrant, .token, .trustRule, .certificateRule, .signingKey, .auditRecord,
      .repositoryRule, .environment, .imageFact, .labelEvent:
      1
    case .environmentRelease, .layerInventory, .imageInventory, .package, .advisoryFeed, .advisory, .vulnerability,
      .findingEvent, .findingException, .vexStatement:
      1
    case .repositoryBlob, .manifestBlob, .manifestChild, .tag, .releaseImage, .releaseApproval, .deployment,
      .imageLabel,
      .repositoryWord, .manifestWord, .layerFileList, .imageLayer, .advisoryAlias, .finding, .exploited:
      2
    case .missingReference, .teamMember, .label, .tagWord, .labelWord, .packageSubject, .imagePackage: 3
    case .advisoryPackage: 4
    case .imageNotice: 5
    }
  }

  /// Its key counts by itself.
  var countsByItself: Bool { columns[0].name == "id" && columns[0].kind == .integer }

  /// Rows that are moved together: few where a row may be large.
  public var pageLimit: Int {
    switch self {
    case .manifestContent, .layerInventory, .layerFileList: 32
    default: 1000
    }
  }
}

/// A row of a ``StoredTable``, a value for each of its columns.
public struct StoredRow: Sendable {
  public internal(set) var values: [SQLValue]
}
