public import Ground
public import Metadata
public import OCI

// What is in an image and what is wrong with it, as the API and the commands tell of it.

private func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

private func filled(_ value: String) -> JSONValue { value.isEmpty ? .null : .string(value) }

extension InspectedImage {
  /// What is known of it as a whole.
  public func members(now: Timestamp) -> JSONObject {
    let row = inventory
    return [
      "image": .string(name.description), "digest": .string(digest.description),
      "platform": text(platform), "state": .string(row?.state.rawValue ?? absence.state),
      "reason": text(row == nil ? absence.reason : row?.reason),
      "distribution": text(row?.osName), "support": text(row?.supportNotice(at: now)),
      "packages": .integer(row?.packageCount ?? 0),
      "inventoriedAt": text(row?.inventoriedAt?.description),
    ]
  }
}

extension InspectedImage.Absence {
  fileprivate var state: String {
    switch self {
    case .noFiles: "none"
    case .unread: ImageInventoryRow.State.waiting.rawValue
    case .notHere: "not-here"
    case .beyondLimit: "beyond-limit"
    }
  }

  fileprivate var reason: String? {
    switch self {
    case .noFiles: nil
    case .unread: "it is not read yet: try again in a moment"
    case .notHere: "an index lists it, and it is not here"
    case .beyondLimit(let reason): reason
    }
  }
}

extension ImagePackageRow {
  public var json: JSONValue {
    [
      "type": .string(type), "name": .string(name), "version": .string(version),
      "architecture": filled(architecture),
      "source": sourceName.isEmpty ? .null : .string("\(sourceName) \(sourceVersion)"),
      "licenses": filled(licenses), "path": .string(path), "layer": .integer(Int64(layer)),
      "ownedBy": text(ownedBy), "notJudged": text(notJudged),
    ]
  }
}

extension ImageNotice {
  public var json: JSONValue {
    [
      "kind": .string(kind), "path": .string(path), "detail": .string(detail),
      "layer": .integer(Int64(layer)), "hidden": .bool(isHidden),
    ]
  }
}

extension LayerState {
  public var json: JSONValue {
    [
      "digest": .string(digest.description), "state": .string(state), "reason": text(reason),
      "entries": .integer(entries), "uncompressedBytes": .integer(uncompressedBytes),
    ]
  }
}

extension ImageFinding {
  public var json: JSONValue {
    let suppressed: JSONValue =
      suppression.map { suppression in
        [
          "by": .string(suppression.source.rawValue), "status": .string(suppression.status),
          "reason": .string(suppression.reason), "author": .string(suppression.author),
          "reference": .string(suppression.reference),
        ]
      } ?? .null
    return [
      "vulnerability": .string(vulnerability), "advisory": .string(advisory.advisory),
      "feed": .string(advisory.feed), "names": .array(names.map { .string($0) }),
      "type": .string(package.type), "package": .string(package.name),
      "version": .string(package.version), "paths": .array(paths.map { .string($0) }),
      "fixed": text(fixed), "state": .string(state), "severity": .string(severity),
      "severitySource": filled(severitySource), "score": score.map { .integer(Int64($0)) } ?? .null,
      "exploitedSince": text(exploitedSince), "epss": epss.map { .integer(Int64($0)) } ?? .null,
      "summary": .string(advisory.summary), "foundAt": .string(foundAt.description),
      "suppressed": suppressed,
    ]
  }
}
