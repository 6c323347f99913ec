import Ground
import OCI
import Synchronization
import TestSupport

/// What must be there and what must not, as far as clients were told.
///
/// Of something that is pushed and deleted at the same time nothing is certain; what one client did alone is.
final class Oracle: Sendable {
  enum Subject: Hashable, Sendable {
    case manifest(String, SampleManifest)
    case blob(String, SampleBlob)
    case tag(String, Tag)

    /// Tells subjects apart, in few words.
    var text: String {
      switch self {
      case .manifest(let name, let manifest): "\(name)@\(manifest.digest)"
      case .blob(let name, let blob): "\(name) \(blob.digest)"
      case .tag(let name, let tag): "\(name):\(tag)"
      }
    }

    var repository: String {
      switch self {
      case .manifest(let name, _), .blob(let name, _), .tag(let name, _): name
      }
    }
  }

  enum Truth: Hashable, Sendable {
    case absent, unknown
    /// A tag points to this manifest; a manifest or blob, which can be only itself, is there.
    case present(SampleManifest?)
  }

  /// One act on a subject, from its begin to its answer.
  struct Act: Sendable {
    fileprivate let subject: Subject
    fileprivate let wasAlone: Bool
    fileprivate let number: Int
    fileprivate let before: Truth
    fileprivate let deletes: Bool
    fileprivate let begunAt: Timestamp
  }

  private struct Record {
    var truth = Truth.absent
    var acts = 0
    var running = 0
    var acknowledgedAt = Timestamp.distantPast
    var deletions = 0
    var runningDeletions = 0
  }

  private let records = Mutex<[Subject: Record]>([:])

  /// An act that may change the subject begins.
  func begin(_ subject: Subject, deletes: Bool, at now: Timestamp) -> Act {
    records.withLock { records in
      var record = records[subject] ?? Record()
      let act = Act(
        subject: subject, wasAlone: record.running == 0, number: record.acts + 1, before: record.truth,
        deletes: deletes, begunAt: now)
      record.acts += 1
      record.running += 1
      if deletes {
        record.deletions += 1
        record.runningDeletions += 1
      }
      // A push takes nothing away; all else is certain again when it is answered.
      let staysCertain = if case .tag = subject { false } else { !deletes && record.truth != .absent }
      if !staysCertain { record.truth = .unknown }
      records[subject] = record
      return act
    }
  }

  /// The act was answered: from now on the subject is so, unless another act came in between.
  func end(_ act: Act, as truth: Truth) {
    records.withLock { records in
      guard var record = records[act.subject] else { return }
      record.running -= 1
      if act.deletes { record.runningDeletions -= 1 }
      let isAlone = act.wasAlone && record.acts == act.number
      record.truth = isAlone ? truth : record.truth == truth ? truth : .unknown
      // When the act began, because its transaction may have been long before its answer.
      if case .present = truth { record.acknowledgedAt = max(record.acknowledgedAt, act.begunAt) }
      records[act.subject] = record
    }
  }

  /// The act failed in a way that changed nothing.
  func refused(_ act: Act) {
    records.withLock { records in
      guard var record = records[act.subject] else { return }
      record.running -= 1
      if act.deletes { record.runningDeletions -= 1 }
      if act.wasAlone && record.acts == act.number { record.truth = act.before }
      records[act.subject] = record
    }
  }

  /// Nobody knows how the act ended.
  func lost(_ act: Act) {
    records.withLock { records in
      records[act.subject]?.running -= 1
      if act.deletes { records[act.subject]?.runningDeletions -= 1 }
      if records[act.subject]?.truth != .present(nil) { records[act.subject]?.truth = .unknown }
    }
  }

  /// Tags of a repository become uncertain: one of its manifests is being deleted.
  func doubtTags(of repository: String) {
    records.withLock { records in
      for subject in records.keys {
        guard case .tag(repository, _) = subject else { continue }
        records[subject]?.truth = .unknown
        records[subject]?.acts += 1
      }
    }
  }

  /// Something that no client asked for changes the subject.
  func disturb(_ subject: Subject) {
    records.withLock { records in
      records[subject, default: Record()].truth = .unknown
      records[subject, default: Record()].acts += 1
    }
  }

  func doubt(_ subject: Subject) { records.withLock { $0[subject]?.truth = .unknown } }

  func deletions(of subject: Subject) -> Int { records.withLock { $0[subject]?.deletions ?? 0 } }

  func isBeingDeleted(_ subject: Subject) -> Bool { records.withLock { $0[subject]?.runningDeletions ?? 0 > 0 } }

  /// What is certain about a subject on which nobody acts, with a mark that changes with the next act.
  func certainty(_ subject: Subject) -> (truth: Truth, mark: Int) {
    records.withLock { records in
      let record = records[subject] ?? Record()
      return (record.running == 0 ? record.truth : .unknown, record.acts)
    }
  }

  /// In an order that is the same in every run, so that a seed can be replayed.
  var all: [(subject: Subject, truth: Truth, acknowledgedAt: Timestamp)] {
    records.withLock { $0 }.map { (text: $0.key.text, key: $0.key, value: $0.value) }.sorted { $0.text < $1.text }
      .map { ($0.key, $0.value.truth, $0.value.acknowledgedAt) }
  }
}
