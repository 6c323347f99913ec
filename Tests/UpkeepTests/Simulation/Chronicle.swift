import Ground
import Metadata
import OCI
import Synchronization
import TestSupport

/// What happened to the tags of one namespace, seen in the transaction that did it, and held against what its rules promise.
final class Chronicle: DatabaseWitness {
  /// Where a tag points, and since when.
  struct Pointer: Sendable {
    let digest: Digest
    let since: Timestamp
  }

  typealias Tags = [RepositoryName: [OCI.Tag: Pointer]]
  /// What an environment shows in each repository.
  typealias Shown = [RepositoryName: Digest]

  private struct State {
    var lastEvent: Int64 = 0
    var lastAt = Timestamp.distantPast
    var tags: Tags = [:]
    var shown: [OCI.Tag: [Shown]] = [:]
    /// Where in ``shown`` a release's state stands, by the key of its row.
    var positions: [Int64: Int] = [:]
  }

  private let state = Mutex(State())
  /// What was known when the transaction that runs began.
  private let before = Mutex(State())
  private let findings: Findings
  private let oracle: Oracle
  private let tally: Tally

  init(findings: Findings, oracle: Oracle, tally: Tally) {
    self.tally = tally
    self.findings = findings
    self.oracle = oracle
  }

  /// The states of an environment, in their order; the first is that before any release.
  func shown(_ environment: OCI.Tag) -> [Shown] { state.withLock { [[:]] + ($0.shown[environment] ?? []) } }

  /// Where a release's state stands in ``shown(_:)``; nil: it changed nothing.
  func position(ofRelease id: Int64) -> Int? { state.withLock { $0.positions[id] } }

  /// The latest time that an event has: that of the clock, unless it was set back since.
  var lastAt: Timestamp { state.withLock { $0.lastAt } }

  /// What was seen the first time may have been committed or not. Forgotten, it is seen once more if it was.
  func begin(isAgain: Bool) {
    if isAgain {
      let before = before.withLock { $0 }
      state.withLock { $0 = before }
    } else {
      let now = state.withLock { $0 }
      before.withLock { $0 = now }
    }
  }

  /// Takes in what a transaction did to tags. What it found is true only if the transaction is committed, and nothing else is
  /// committed between.
  func see(_ transaction: borrowing Transaction) throws {
    let last = state.withLock { $0.lastEvent }
    var limit = 4
    var events = try transaction.tagEvents(.namespace(World.namespace), limit: limit)
    while let oldest = events.last, oldest.id > last, events.count == limit {
      limit *= 8
      events = try transaction.tagEvents(.namespace(World.namespace), limit: limit)
    }
    let new = events.filter { $0.id > last }.reversed()
    guard let newest = new.last else { return }
    let rule = try transaction.repositoryRules(of: World.namespace, kind: .retention).first.flatMap { stored in
      World.retentionRules.first { $0.text == stored.value }
    }
    let before = state.withLock { $0.tags }
    for event in new { judge(event, before, rule) }
    state.withLock { state in
      state.lastEvent = newest.id
      for event in new {
        state.lastAt = max(state.lastAt, event.at)
        state.tags[event.repository, default: [:]][event.tag] = event.to.map { Pointer(digest: $0, since: event.at) }
      }
    }
    for environment in World.environments where new.contains(where: { $0.tag == environment }) {
      try notice(environment, newest.release, transaction)
    }
  }

  private func judge(_ event: TagEvent, _ before: Tags, _ rule: RetentionSample?) {
    let name = "\(event.repository):\(event.tag)"
    let known = state.withLock { $0.tags[event.repository]?[event.tag] }
    if known?.digest != event.from { findings.add("event \(event.id) of \(name) does not follow the one before it") }
    if event.tag == World.immutable && event.from != nil { findings.add("\(name) is immutable and was changed") }
    let isRelease = [TagEventKind.promotion, .rollback].contains { $0.rawValue == event.kind }
    if World.environments.contains(event.tag) != isRelease { findings.add("\(name) was changed by a \(event.kind)") }
    guard event.kind == TagEventKind.retention.rawValue else { return }
    tally.count(.retention)
    oracle.disturb(.tag(event.repository.text, event.tag))
    guard let rule else { return findings.add("\(name) was deleted by retention without a rule") }
    if let reason = rule.keeps(event.tag, before[event.repository] ?? [:], at: event.at) {
      findings.add("\(name) was deleted by retention although \(reason)")
    }
  }

  private func notice(_ environment: OCI.Tag, _ release: Int64?, _ transaction: borrowing Transaction) throws {
    let tags = state.withLock { $0.tags }
    let shown = tags.compactMapValues { $0[environment]?.digest }
    guard let record = try transaction.environment(environment, of: World.namespace) else { return }
    let running = Dictionary(
      uniqueKeysWithValues: try transaction.deployedImages(in: record.id).map { ($0.repository.name, $0.digest) })
    if running != shown { findings.add("the tags of \(environment) are not what it runs") }
    let earlier = self.shown(World.staging)
    for (repository, digest) in shown where environment == World.production {
      if !earlier.contains(where: { $0[repository] == digest }) {
        findings.add("\(repository) shows in production what has not been in staging")
      }
    }
    state.withLock { state in
      state.shown[environment, default: []].append(shown)
      if let release { state.positions[release] = state.shown[environment]?.count ?? 0 }
    }
  }
}

/// A rule of retention, with what it keeps in words of its own.
struct RetentionSample: Sendable {
  /// As it is stored.
  let text: String
  private let last: Int?
  private let days: Int64?
  private let tags: [String]
  let deletesUntagged: Bool

  init(last: Int? = nil, days: Int64? = nil, tags: [String] = [], deletesUntagged: Bool = false) {
    var object = JSONObject()
    if let last { object.append("keepLast", .integer(Int64(last))) }
    if let days { object.append("keepNewerThanDays", .integer(days)) }
    if !tags.isEmpty { object.append("keepTags", .array(tags.map { .string($0) })) }
    object.append("appliesTo", .array([.string("*")]))
    if deletesUntagged { object.append("deleteUntaggedAfterDays", .integer(1)) }
    text = JSONValue.object(object).text
    self.last = last
    self.days = days
    self.tags = tags
    self.deletesUntagged = deletesUntagged
  }

  /// Why a tag must stay; nil: it may go.
  fileprivate func keeps(_ tag: OCI.Tag, _ all: [OCI.Tag: Chronicle.Pointer], at now: Timestamp) -> String? {
    guard let pointer = all[tag] else { return "it was not there" }
    let running = Set(World.environments.compactMap { all[$0]?.digest })
    if running.contains(pointer.digest) { return "an environment runs it" }
    if tags.contains(tag.text) { return "its name is kept" }
    if let days, pointer.since > now - .seconds(days * 86_400) { return "it is newer than \(days) days" }
    let newer = all.filter { other, found in
      other != World.immutable && !running.contains(found.digest)
        && (found.since > pointer.since || (found.since == pointer.since && other < tag))
    }
    if let last, newer.count < last { return "it is one of the last \(last)" }
    return nil
  }
}
