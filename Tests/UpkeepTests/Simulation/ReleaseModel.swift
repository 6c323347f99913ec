import Metadata
import OCI
import RegistryCore
import Synchronization
import TestSupport

/// What environments must have shown, from what was asked and how it was answered.
final class ReleaseModel: Sendable {
  /// What somebody wants, and under which key it is said again until it is answered.
  struct Wish: Sendable, Hashable {
    enum Content: Sendable, Hashable {
      case images([RepositoryName: Digest])
      case environment(OCI.Tag)
      case rollback(to: Int64?)
    }
    let environment: OCI.Tag
    let content: Content
    let key: String
    /// How many states of the other environment there were when it was first asked.
    let sourceStates: Int
  }

  private struct Answer: Sendable {
    let wish: Wish
    let release: ReleaseRecord
    let changes: [RepositoryName: Digest?]
  }

  /// A release that was carried out, as it must have been.
  private struct Applied {
    let number, effective: Int64
    let base: Int64?
    let state: Chronicle.Shown
  }

  private struct State {
    var unanswered: [Wish] = []
    var answers: [OCI.Tag: [Int64: Answer]] = [:]
    /// States that clients know of: at least so many.
    var acknowledged: [OCI.Tag: Int] = [:]
    /// Refusals because nothing was there to go back to, with how many releases were known to be carried out then.
    var nothingBefore: [(environment: OCI.Tag, releases: Int)] = []
  }

  private let state = Mutex(State())
  private let findings: Findings

  init(findings: Findings) { self.findings = findings }

  func begin(_ wish: Wish) { state.withLock { $0.unanswered.append(wish) } }

  /// Those whose answer was not heard, to be said again.
  var unanswered: [Wish] { state.withLock { $0.unanswered } }

  func refused(_ wish: Wish) { state.withLock { $0.unanswered.removeAll { $0 == wish } } }

  /// How many releases are known to have been carried out.
  func count(_ environment: OCI.Tag) -> Int { state.withLock { $0.answers[environment]?.count ?? 0 } }

  /// How many states clients know of at least, the one before any release counted.
  func acknowledged(_ environment: OCI.Tag) -> Int { state.withLock { $0.acknowledged[environment] ?? 0 } }

  func refusedForNothingBefore(_ environment: OCI.Tag, releases: Int) {
    state.withLock { $0.nothingBefore.append((environment, releases)) }
  }

  func answered(_ wish: Wish, _ found: ReleaseState, position: Int?) {
    guard let sequence = found.release.sequence else {
      return findings.add("release \(found.release.number) of \(wish.environment) waits for nobody")
    }
    let changes = Dictionary(uniqueKeysWithValues: found.images.map { ($0.repository.name, $0.to) })
    state.withLock { state in
      state.unanswered.removeAll { $0 == wish }
      if let other = state.answers[wish.environment]?[sequence], other.wish.key != wish.key {
        findings.add("two wishes to \(wish.environment) are one release")
      }
      state.answers[wish.environment, default: [:]][sequence] = Answer(
        wish: wish, release: found.release, changes: changes)
      if let position {
        state.acknowledged[wish.environment] = max(state.acknowledged[wish.environment] ?? 0, position)
      }
    }
  }

  /// Goes through all releases in the order of carrying out, and holds what they must have done against what was seen.
  ///
  /// - Precondition: nobody acts, and everything was answered.
  func verify(_ chronicle: Chronicle) {
    for environment in World.environments {
      let answers = state.withLock { $0.answers[environment] ?? [:] }
      var applied: [Applied] = []
      for sequence in answers.keys.sorted() {
        guard sequence == Int64(applied.count) + 1, let answer = answers[sequence] else {
          return findings.add("\(environment) had a release before number \(sequence) that nobody asked for")
        }
        applied.append(next(answer, after: applied, chronicle))
      }
      // Those that changed nothing have no state of their own.
      var states: [Chronicle.Shown] = [[:]]
      for release in applied where release.state != states.last { states.append(release.state) }
      if states != chronicle.shown(environment) {
        findings.add("\(environment) has shown something between or beside its releases")
      }
      for refusal in state.withLock({ $0.nothingBefore }) where refusal.environment == environment {
        let since = applied.dropFirst(max(refusal.releases - 1, 0))
        if refusal.releases > 0 && !since.contains(where: { $0.base == nil }) {
          findings.add("going back in \(environment) was refused though there was something before")
        }
      }
    }
  }

  private func next(_ answer: Answer, after applied: [Applied], _ chronicle: Chronicle) -> Applied {
    let environment = answer.wish.environment
    let before = applied.last?.state ?? [:]
    var after = before
    for (repository, digest) in answer.changes { after[repository] = digest }
    let release = answer.release
    var effective = release.number
    var base = applied.last?.effective
    let wanted: [Chronicle.Shown]
    switch answer.wish.content {
    case .images(let images): wanted = [before.merging(images) { $1 }]
    case .environment(let source):
      wanted = chronicle.shown(source).dropFirst(answer.wish.sourceStates - 1).map { before.merging($0) { $1 } }
    case .rollback(let number):
      let current = applied.last.flatMap { last in applied.first { $0.number == last.effective } }
      let goal = applied.first { $0.number == number ?? current?.base }
      wanted = goal.map { [$0.state] } ?? []
      effective = goal?.effective ?? 0
      base = applied.first { $0.number == effective }?.base
    }
    if !wanted.contains(after) { findings.add("release \(release.number) of \(environment) did not do what was asked") }
    if answer.changes.isEmpty, release.kind == .promotion, let last = applied.last {
      effective = last.effective
      base = applied.first { $0.number == effective }?.base
    }
    if release.effective != effective || release.base != base {
      findings.add("after release \(release.number) of \(environment) something else is in force than must be")
    }
    return Applied(number: release.number, effective: effective, base: base, state: after)
  }
}
