import Synchronization

/// What the server has acknowledged, and what it must therefore still know after every kill.
final class Ledger: Sendable {
  /// A pushed image.
  struct Entry: Sendable, Hashable {
    let repository: String
    let tag: String
    let digest: String
  }

  struct Contents: Sendable {
    /// 201 was received for the manifest, and nobody has asked for its deletion.
    var acknowledged: [Entry] = []
    /// 202 was received for the deletion.
    var deleted: [Entry] = []
    /// Answers that no kill explains: server errors, wrong digests.
    var complaints: [String] = []
  }

  private let contents = Mutex(Contents())

  var now: Contents { contents.withLock { $0 } }

  func acknowledge(_ entry: Entry) { contents.withLock { $0.acknowledged.append(entry) } }

  func complain(_ complaint: String) { contents.withLock { $0.complaints.append(complaint) } }

  /// Takes an entry out before its deletion is asked for: whether an unanswered deletion happened nobody can know.
  func takeForDeletion() -> Entry? {
    contents.withLock { contents in
      guard contents.acknowledged.count > 20 else { return nil }
      return contents.acknowledged.remove(at: Int.random(in: contents.acknowledged.indices))
    }
  }

  func deleted(_ entry: Entry) { contents.withLock { $0.deleted.append(entry) } }
}
