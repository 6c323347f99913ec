// The columns of what is in images, and of what is wrong with it.
extension StoredTable {
  var inventoryColumns: [(name: String, kind: Kind)] {
    switch self {
    case .layerInventory:
      [
        ("digest", .text), ("state", .text), ("reason", .text), ("revision", .integer), ("due", .integer),
        ("tries", .integer), ("entries", .integer), ("uncompressed", .integer), ("read_at", .integer),
        ("inventory", .bytes),
      ]
    case .layerFileList: [("digest", .text), ("part", .integer), ("bytes", .bytes)]
    case .imageInventory:
      [
        ("id", .integer), ("digest", .text), ("state", .text), ("reason", .text), ("due", .integer),
        ("tries", .integer), ("os", .text), ("os_version", .text), ("os_name", .text), ("packages", .integer),
        ("created_at", .integer), ("inventoried_at", .integer), ("matcher", .integer),
      ]
    case .imageLayer: [("image_id", .integer), ("position", .integer), ("digest", .text)]
    case .package:
      [
        ("id", .integer), ("type", .text), ("distribution", .text), ("name", .text), ("version", .text),
        ("architecture", .text), ("source_name", .text), ("source_version", .text), ("module", .text),
        ("vendor", .text), ("licenses", .text), ("not_judged", .text), ("matcher", .integer),
      ]
    case .packageSubject:
      [("ecosystem", .text), ("name", .text), ("package_id", .integer), ("version", .text)]
    case .imagePackage:
      [("package_id", .integer), ("image_id", .integer), ("path", .text), ("layer", .integer), ("owned_by", .text)]
    case .imageNotice:
      [
        ("image_id", .integer), ("kind", .text), ("path", .text), ("detail", .text), ("layer", .integer),
        ("is_hidden", .integer),
      ]
    default: preconditionFailure("\(self) is no table of inventories")
    }
  }

  var advisoryColumns: [(name: String, kind: Kind)] {
    switch self {
    case .advisoryFeed:
      [
        ("name", .text), ("kind", .text), ("records", .integer), ("refreshed_at", .integer), ("tried_at", .integer),
        ("failure", .text), ("state", .text),
      ]
    case .advisory:
      [
        ("id", .integer), ("feed", .text), ("name", .text), ("hash", .text), ("modified", .text), ("published", .text),
        ("is_withdrawn", .integer), ("summary", .text), ("severity", .text), ("severity_source", .text),
        ("score", .integer), ("content", .text),
      ]
    case .advisoryAlias: [("alias", .text), ("advisory_id", .integer)]
    case .advisoryPackage:
      [
        ("ecosystem", .text), ("package", .text), ("advisory_id", .integer), ("position", .integer),
        ("content", .bytes),
      ]
    case .finding:
      [
        ("package_id", .integer), ("advisory_id", .integer), ("state", .text), ("fixed", .text), ("severity", .text),
        ("severity_source", .text), ("score", .integer), ("detail", .text), ("found_at", .integer),
      ]
    case .vulnerability:
      [
        ("name", .text), ("kev_added", .text), ("kev_due", .text), ("kev_note", .text), ("epss", .integer),
        ("percentile", .integer),
      ]
    case .exploited: [("feed", .text), ("name", .text), ("added", .text), ("due", .text), ("note", .text)]
    case .findingEvent:
      [
        ("id", .integer), ("at", .integer), ("kind", .text), ("feed", .text), ("advisory", .text),
        ("package_id", .integer), ("ecosystem", .text), ("package", .text), ("version", .text), ("severity", .text),
        ("detail", .text), ("images", .integer), ("environments", .text), ("packages", .text),
        ("change", .text),
      ]
    case .findingException:
      [
        ("id", .integer), ("namespace", .text), ("pattern", .text), ("vulnerability", .text), ("package", .text),
        ("reason", .text), ("created_by", .text), ("created_at", .integer), ("expires_at", .integer),
        ("ended_by", .text), ("ended_at", .integer), ("announced_at", .integer), ("image", .text), ("rule", .text),
      ]
    case .vexStatement:
      [
        ("id", .integer), ("namespace", .text), ("document", .text), ("vulnerability", .text), ("product", .text),
        ("status", .text), ("justification", .text), ("detail", .text), ("author", .text), ("stated_at", .integer),
        ("subject", .text),
      ]
    default: preconditionFailure("\(self) is no table of advisories")
    }
  }
}
