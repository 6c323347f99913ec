internal import Ground
internal import Metadata
public import OCI
import Synchronization

/// Pulls that are gathered before they are written, so that a pull costs no write.
///
/// A crash loses the last few seconds of them: a statistic, and no fact.
final class PullNotes: Sendable {
  /// Images that are noted at a time; pulls of more are not counted until the next writing.
  static let entryLimit = 65_536

  private struct Key: Hashable {
    let repository: RepositoryName
    let digest: Digest
  }

  private let notes = Mutex<[Key: (count: Int, lastAt: Timestamp)]>([:])

  func note(_ digest: Digest, in repository: RepositoryName, at moment: Timestamp) {
    let key = Key(repository: repository, digest: digest)
    notes.withLock { notes in
      guard let known = notes[key] else {
        if notes.count < Self.entryLimit { notes[key] = (1, moment) }
        return
      }
      notes[key] = (known.count + 1, moment)
    }
  }

  /// What was gathered, which is then forgotten; in the order in which rows are changed.
  func take() -> [PullCount] {
    let taken = notes.withLock { notes in
      defer { notes = [:] }
      return notes
    }
    return taken.map { key, value in
      PullCount(repository: key.repository, digest: key.digest, count: value.count, lastAt: value.lastAt)
    }.sorted { ($0.repository.text, $0.digest.description) < ($1.repository.text, $1.digest.description) }
  }
}

extension Registry {
  /// How many images' pulls are written together.
  private static let pullBatchLimit = 500

  /// Notes that an image was pulled. Quick, and safe on an event loop.
  public func notePull(of digest: Digest, in repository: RepositoryName) {
    pulls.note(digest, in: repository, at: database.now)
  }

  /// Writes what was noted. What cannot be written is lost, and told.
  public func flushPulls() async throws {
    let all = pulls.take()
    for begin in stride(from: 0, to: all.count, by: Self.pullBatchLimit) {
      let batch = Array(all[begin..<min(begin + Self.pullBatchLimit, all.count)])
      try await database.write { try $0.countPulls(batch) }
    }
  }
}
