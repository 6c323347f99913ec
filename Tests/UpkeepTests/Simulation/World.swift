import Access
import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import Synchronization
import TestSupport
import Upkeep

/// Everything that one seed plays with.
struct World: Sendable {
  static let repositories = ["acme/api", "acme/web", "lab"]
  static let namespace = "acme"
  /// Those of the namespace, which its environments cover.
  static let released = ["acme/api", "acme/web"].map { RepositoryName.sample($0) }
  static let immutable = OCI.Tag.sample("v1")
  static let tags = ["latest", "1.0", "2.0"].map { OCI.Tag.sample($0) } + [immutable]
  static let staging = OCI.Tag.sample("staging")
  static let production = OCI.Tag.sample("production")
  static let environments = [staging, production]
  static let smalls = (0..<6).map {
    SampleBlob(seed: UInt64(100 + $0), size: 60 + 200 * $0, $0 == 5 ? .sha512 : .sha256)
  }
  static let larges = (0..<2).map { SampleBlob(seed: UInt64(200 + $0), size: 70_000 + $0) }
  static let images = (0..<8).map { number in
    SampleManifest.image(
      config: smalls[number % 3],
      layers: [smalls[3 + number % 3]] + (number % 4 == 0 ? [larges[number / 4]] : []), note: "\(number)")
  }
  static let indexes = (0..<2).map { SampleManifest.index([images[$0 * 2], images[$0 * 2 + 1]], note: "\($0)") }

  static let retentionRules = [
    RetentionSample(last: 1), RetentionSample(last: 2, tags: ["1.0"]), RetentionSample(days: 1, tags: ["latest"]),
    RetentionSample(last: 1, days: 1), RetentionSample(tags: ["latest", "2.0"]),
    RetentionSample(last: 1, tags: ["2.0"], deletesUntagged: true), RetentionSample(deletesUntagged: true),
  ]

  static func manifest(_ digest: Digest) -> SampleManifest? { (images + indexes).first { $0.digest == digest } }

  static func blobs(of image: SampleManifest) -> [SampleBlob] {
    guard let number = images.firstIndex(of: image) else { return [] }
    return [smalls[number % 3], smalls[3 + number % 3]] + (number % 4 == 0 ? [larges[number / 4]] : [])
  }

  static func children(of index: SampleManifest) -> [SampleManifest] {
    indexes.firstIndex(of: index).map { [images[$0 * 2], images[$0 * 2 + 1]] } ?? []
  }

  /// How far back the clock may have been set meanwhile.
  static let clockSlack: Duration = .seconds(600)

  let machine: SimulatedMachine
  let oracle: Oracle
  /// One, or replicas.
  let registries: [Registry]
  /// Whether answers of the database are lost on their way, so that what was done is done again.
  let losesAnswers: Bool
  let findings: Findings
  let untaggedAfter: Duration?
  let chronicle: Chronicle
  let releases: ReleaseModel
  let moments: Moments
  let history: HistorySample
  /// The rules of retention that are set, one after the other.
  let retentionPool: [RetentionSample]
  let tally: Tally

  var registry: Registry { registries[0] }

  var anyRegistry: Registry { registries[Int(machine.random.next() % UInt64(registries.count))] }

  /// When a manifest that nothing names may go.
  var untaggedLimit: Duration? {
    let byRule: Duration? = retentionPool.contains(where: \.deletesUntagged) ? .seconds(86_400) : nil
    return [untaggedAfter, byRule].compactMap(\.self).min()
  }

  /// A client of any of the registries, as behind a balancer.
  func client(_ repository: String) throws -> SimulatedClient { try SimulatedClient(anyRegistry, repository) }
  var now: Timestamp { machine.clock.now }
}

/// What contradicts the oracle.
final class Findings: Sendable {
  private let kept = Mutex<[String]>([])
  func add(_ text: String) { kept.withLock { $0.append(text) } }
  var all: [String] { kept.withLock { $0 } }
}

extension World {
  /// Compares everything with the oracle. Nobody may be acting.
  func compare() async throws {
    let lease = registry.settings.lease
    var mustHave: [(String, SampleManifest)] = []
    for (subject, truth, acknowledgedAt) in oracle.all {
      let client = try client(subject.repository)
      switch (subject, truth) {
      case (_, .unknown): break
      case (.manifest(let name, let manifest), .present):
        let isTagged = Self.tags.contains { oracle.certainty(.tag(name, $0)).truth == .present(manifest) }
        if isTagged || untaggedLimit.map({ acknowledgedAt + $0 > now + Self.clockSlack }) ?? true {
          mustHave.append((name, manifest))
        }
      case (.manifest(_, let manifest), .absent):
        if try await client.manifest(.digest(manifest.digest)) != nil {
          findings.add("\(subject) was deleted and is there")
        }
      case (.blob(_, let blob), .present):
        if acknowledgedAt + lease > now + Self.clockSlack, try await client.blob(blob.digest) != blob.bytes {
          findings.add("blob \(blob.digest) in \(client.repository) was acknowledged and is not there")
        }
      case (.blob(_, let blob), .absent):
        if try await client.blob(blob.digest) != nil { findings.add("blob \(blob.digest) was deleted and is there") }
      case (.tag(_, let tag), .present(let manifest)):
        if try await client.manifest(.tag(tag)) != manifest?.content.bytes {
          findings.add("\(subject) points elsewhere")
        }
      case (.tag(_, let tag), .absent):
        if try await client.manifest(.tag(tag)) != nil { findings.add("\(subject) was deleted and is there") }
      }
    }
    for (name, manifest) in mustHave { try await require(manifest, in: name) }
    try await compareVersions()
    for problem in try await machine.contradictions() { findings.add(problem) }
  }

  /// A manifest that was acknowledged is there with all that it names, except children that somebody deleted.
  ///
  /// - Parameter isWhole: no child may be missing.
  func require(_ manifest: SampleManifest, in name: String, isWhole: Bool = false) async throws {
    let client = try client(name)
    guard try await client.manifest(.digest(manifest.digest)) == manifest.content.bytes else {
      return findings.add("manifest \(manifest.digest) in \(name) was acknowledged and is not there")
    }
    for blob in Self.blobs(of: manifest) where try await client.blob(blob.digest) != blob.bytes {
      findings.add("blob \(blob.digest) of manifest \(manifest.digest) in \(name) is not there")
    }
    for child in Self.children(of: manifest) where isWhole || oracle.deletions(of: .manifest(name, child)) == 0 {
      try await require(child, in: name)
    }
  }
}
