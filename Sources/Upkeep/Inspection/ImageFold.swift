internal import Metadata
internal import OCI
internal import Scanning

/// From what is known of an image's layers to what is kept of the image.
enum ImageFold {
  static func record(of image: DueImage) -> ImageInventoryRecord {
    var layers: [LayerInventory] = []
    for layer in image.layers {
      guard let bytes = layer.inventory, layer.state == "read" else {
        return failure(
          layer.state == "missing"
            ? "its layer \(layer.digest) is not here"
            : "its layer \(layer.digest): \(layer.reason ?? "it was not read")")
      }
      do throws(RecordError) { layers.append(try LayerInventory(decoding: bytes)) } catch {
        return failure("what was read of its layer \(layer.digest) cannot be understood")
      }
    }
    return record(folding: layers)
  }

  /// Of layers that were read a moment ago; nil and failures are those that were not.
  static func record(
    of layers: [(digest: Digest, outcome: Result<LayerInventory, InspectionFailure>?)]
  ) -> ImageInventoryRecord {
    var read: [LayerInventory] = []
    for (digest, outcome) in layers {
      switch outcome {
      case .success(let inventory): read.append(inventory)
      case .failure(let failure): return Self.failure("its layer \(digest): \(failure.reason)")
      case nil: return failure("its layer \(digest) is not here")
      }
    }
    return record(folding: read)
  }

  private static func record(folding layers: [LayerInventory]) -> ImageInventoryRecord {
    let folded = ImageInventory(folding: layers)
    var record = ImageInventoryRecord(state: .inventoried)
    switch folded.state {
    case .inventoried: break
    case .unknownDistribution:
      record.state = .unknownDistribution
      record.reason = "nothing in it says which distribution its packages are of"
    case .packageDatabaseRemoved(let paths):
      record.state = .packageDatabaseRemoved
      record.reason = "package database removed: \(paths.joined(separator: ", "))"
    case .packageDatabaseMissing(let empty):
      record.state = .packageDatabaseMissing
      record.reason =
        empty.isEmpty
        ? "package database missing: nothing that can be read names the packages of its distribution"
        : "package database names no package: \(empty.joined(separator: ", "))"
    }
    if let broken = folded.unreadableDatabases.first {
      record.state = .failed
      record.reason = "its package database \(broken.path) cannot be read: \(broken.detail)"
    }
    record.os = folded.distribution?.id
    record.osVersion = folded.distribution?.versionID
    record.osName = folded.distribution.map { $0.prettyName ?? "\($0.id) \($0.versionID)".trimmedEnd }
    record.packages = folded.components.map { installed in
      PackageUse(
        package: package(installed.component, folded.distribution), path: installed.path, layer: installed.layer,
        ownedBy: installed.ownedBy)
    }
    record.notices = folded.notices.map {
      ImageNotice(
        kind: $0.notice.kind.rawValue, path: $0.notice.path, detail: $0.notice.detail, layer: $0.layer,
        isHidden: $0.isHidden)
    }
    return record
  }

  private static func failure(_ reason: String) -> ImageInventoryRecord {
    var record = ImageInventoryRecord(state: .failed)
    record.reason = reason
    return record
  }

  private static func package(_ component: Component, _ distribution: Distribution?) -> PackageRecord {
    let system = component.type.isOperatingSystem ? distribution : nil
    var notJudged: String?
    var subjects: [PackageRecord.Subject] = []
    switch AdvisorySubject.of(component, in: distribution) {
    case .success(let found):
      subjects = found.map { .init(ecosystem: $0.ecosystem.description, name: $0.name, version: $0.version) }
    case .failure(let reason): notJudged = reason.text
    }
    return PackageRecord(
      type: component.type.rawValue, name: component.name, version: component.version,
      distribution: system.map { "\($0.id):\($0.versionID)" } ?? "", architecture: component.architecture ?? "",
      sourceName: component.source?.name ?? "", sourceVersion: component.source?.version ?? "",
      module: component.module ?? "", vendor: component.vendor ?? "", licenses: component.licenses,
      notJudged: notJudged, subjects: subjects)
  }
}

extension String {
  fileprivate var trimmedEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
