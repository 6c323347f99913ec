import Access
import Ground
import Metadata
import OCI
import RegistryCore
import Synchronization
import TestSupport

/// What outlives the lives of one seed's machine: the machine, and all that is known of what was done.
struct Game: Sendable {
  let machine: SimulatedMachine
  let findings = Findings()
  private let oracle = Oracle()
  private let chronicle: Chronicle
  private let releases: ReleaseModel
  private let moments = Moments()
  private let untaggedAfter: Duration?
  private let history: HistorySample
  private let retentionPool: [RetentionSample]
  private let tally: Tally
  private let losesAnswers: Bool

  /// - Parameter database: an empty one; nil: SQLite in memory.
  init(
    _ seed: UInt64, keepsObjects: Bool, _ chance: SeededRandom, _ tally: Tally, over database: (any Database)? = nil
  ) throws {
    self.tally = tally
    losesAnswers = keepsObjects || database != nil
    machine = try SimulatedMachine(seed: seed, keepsObjects: keepsObjects, database: database)
    chronicle = Chronicle(findings: findings, oracle: oracle, tally: tally)
    releases = ReleaseModel(findings: findings)
    untaggedAfter = chance.next() % 2 == 0 ? nil : .seconds(3600)
    history = HistorySample.all[Int(chance.next() % UInt64(HistorySample.all.count))]
    let collects = chance.next() % 2 == 0
    retentionPool = World.retentionRules.filter { collects || !$0.deletesUntagged }
  }

  /// Starts the registry, once or as replicas.
  func begin(_ replicas: Int) async throws -> World {
    var registries: [Registry] = []
    for _ in 0..<replicas {
      registries.append(
        try await machine.start(witness: chronicle, forgetting: machine.random.next())
      )
    }
    return World(
      machine: machine, oracle: oracle, registries: registries, losesAnswers: losesAnswers, findings: findings,
      untaggedAfter: untaggedAfter, chronicle: chronicle, releases: releases, moments: moments, history: history,
      retentionPool: retentionPool, tally: tally)
  }
}

/// How often the seeds did what they are for: a game that never comes to it proves nothing.
final class Tally: Sendable {
  enum Deed: String, Sendable, CaseIterable {
    case promotion, rollback, refusal, saidAgain, retention, historyCheck, restored, looked
  }
  private let counts = Mutex<[Deed: Int]>([:])
  func count(_ deed: Deed, _ times: Int = 1) { counts.withLock { $0[deed, default: 0] += times } }
  subscript(deed: Deed) -> Int { counts.withLock { $0[deed] ?? 0 } }
}

/// How long a namespace keeps history, in words of its own.
struct HistorySample: Sendable {
  static let all = [
    HistorySample(states: 20, days: 30, environmentDays: 365), HistorySample(states: 1, days: 0, environmentDays: 365),
    HistorySample(states: 1, days: 1, environmentDays: 1), HistorySample(states: 2, days: 1, environmentDays: 365),
  ]
  let states: Int
  let days: Int
  let environmentDays: Int

  var text: String { #"{"states":\#(states),"days":\#(days),"environmentDays":\#(environmentDays)}"# }
  var window: Duration { .seconds(Int64(days) * 86_400) }
  /// Longer than any seed lasts.
  var keepsWhatRan: Bool { environmentDays > 100 }
}

/// What tags were at moments at which nobody acted: history must tell it, and bring it back.
final class Moments: Sendable {
  struct Moment: Sendable {
    let at: Timestamp
    let repository: String
    let tag: OCI.Tag
    /// Nil: there was no such tag.
    let manifest: SampleManifest?
  }

  private let kept = Mutex<[Moment]>([])
  var all: [Moment] { kept.withLock { $0 } }
  func add(_ moment: Moment) { kept.withLock { $0.append(moment) } }
  /// The clock was set back: what happens from then on looks as if it had been before.
  func forget(from now: Timestamp) { kept.withLock { $0.removeAll { $0.at >= now } } }
}

// Versions: what is set up, said again after a power cut, and looked at when nobody acts.
extension World {
  func setRule(_ kind: RepositoryRule.Kind, _ json: String) async throws {
    let value = try RuleValue.validated(kind, try JSONValue.parse(json))
    try await anyRegistry.database.write {
      try $0.setRule(kind, on: .everything, of: World.namespace, to: value, by: "test")
    }
  }

  /// Two environments, the second after the first; how long history is kept; an immutable tag.
  func prepare() async throws {
    let actor = try await Policy.open.releaseActor(in: World.namespace, for: .everybody)
    _ = try await registry.makeEnvironment(World.staging, [:], adopts: false, by: actor)
    _ = try await registry.makeEnvironment(
      World.production, ["requires": .array([.string(World.staging.text)])], adopts: false, by: actor)
    try await setRule(.history, history.text)
    try await setRule(.immutable, #"["\#(World.immutable)"]"#)
  }

  /// Clients whose answers were lost ask again, with the same keys.
  func sayAgain() async throws {
    let player = Player(world: self, chance: SeededRandom(seed: 1))
    for wish in releases.unanswered {
      tally.count(.saidAgain)
      try await player.ask(for: wish)
    }
  }

  /// Compares what environments show, and what history tells, with what must be so.
  func compareVersions() async throws {
    releases.verify(chronicle)
    for environment in World.environments {
      let shown = chronicle.shown(environment).last ?? [:]
      for repository in World.released {
        let pulled = try await client(repository.text).manifest(.tag(environment))
        if pulled != shown[repository].flatMap({ World.manifest($0)?.content.bytes }) {
          findings.add("\(repository):\(environment) shows something else than was released")
        }
        // Whatever was deleted before: an environment runs whole images.
        guard let manifest = shown[repository].flatMap({ World.manifest($0) }) else { continue }
        try await require(manifest, in: repository.text, isWhole: true)
      }
    }
    for moment in moments.all where isKept(moment) {
      let client = try client(moment.repository)
      tally.count(.historyCheck)
      let found = try? await client.registry.tagState(moment.tag, asOf: moment.at, permit: client.pull)
      if found?.digest != moment.manifest?.digest {
        findings.add("history tells something else of \(moment.repository):\(moment.tag) than what was")
      }
    }
    note()
  }

  private func isKept(_ moment: Moments.Moment) -> Bool { moment.at + history.window > now + Self.clockSlack }

  /// Notes what tags are, if the order of times is that of events.
  private func note() {
    guard chronicle.lastAt <= now else { return }
    for (subject, truth, _) in oracle.all {
      guard case .tag(let repository, let tag) = subject, repository != "lab" else { continue }
      switch truth {
      case .unknown: break
      case .absent: moments.add(.init(at: now, repository: repository, tag: tag, manifest: nil))
      case .present(let manifest): moments.add(.init(at: now, repository: repository, tag: tag, manifest: manifest))
      }
    }
    machine.clock.advance(by: .microseconds(1))
  }

  /// Brings back whatever tags were within the time that is kept, unless somebody deleted bytes of it.
  func restoreAll() async throws {
    for moment in moments.all where isKept(moment) && moment.tag != World.immutable {
      guard let manifest = moment.manifest else { continue }
      let blobs = ([manifest] + World.children(of: manifest)).flatMap { Self.blobs(of: $0) }
      guard blobs.allSatisfy({ oracle.deletions(of: .blob(moment.repository, $0)) == 0 }) else { continue }
      let client = try client(moment.repository)
      tally.count(.restored)
      do {
        _ = try await client.registry.restore(moment.tag, to: .moment(moment.at), reason: nil, permit: client.restore)
      } catch let error as RegistryError {
        findings.add("\(moment.repository):\(moment.tag) cannot be restored: \(error)")
        continue
      }
      if try await client.manifest(.tag(moment.tag)) != manifest.content.bytes {
        findings.add("\(moment.repository):\(moment.tag) was restored as something else")
      }
      try await require(manifest, in: moment.repository, isWhole: true)
    }
  }
}
