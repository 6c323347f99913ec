/// What a connection to PostgreSQL threw, with what decides whether to try again.
struct PostgresError: Error {
  enum Kind: Equatable {
    /// The server refused a statement; the five characters of its SQLSTATE.
    case refused(state: String)
    /// The connection broke, or did not answer in time, before a commit was sent.
    case lost
    /// The connection broke while a commit was under way: it may have happened or not.
    case lostInCommit
    /// No connection could be made, or none became free in time.
    case unavailable
    /// This PostgreSQL, or this machine, will not do; trying again does not help.
    case unusable
  }
  let kind: Kind
  let message: String

  /// Others were in the way: run again, it works. Source: PostgreSQL's documentation, appendix "Error Codes".
  var isConflict: Bool {
    guard case .refused(let state) = kind else { return false }
    return ["40001", "40P01", "55P03"].contains(state)
  }

  /// The server goes away, comes back or has no room: another connection may work in a moment.
  var mayPass: Bool {
    switch kind {
    case .lost, .lostInCommit, .unavailable: true
    case .unusable: false
    // Shutting down, crashed, starting, too many connections; a standby that will be promoted, or was primary before.
    case .refused(let state): ["57P01", "57P02", "57P03", "53300", "25006"].contains(state)
    }
  }

  /// The connection is of no more use.
  var breaksConnection: Bool {
    switch kind {
    case .lost, .lostInCommit, .unavailable, .unusable: true
    case .refused(let state): state.hasPrefix("57P") || state == "25006" || state.hasPrefix("08")
    }
  }

  /// Met while a commit was under way, it says nothing of whether it happened: a server that ends its connections, because it is
  /// shut down or another of its processes crashed, may have committed first.
  var leavesCommitUnknown: Bool {
    switch kind {
    case .lost, .lostInCommit: true
    case .unavailable, .unusable: false
    case .refused(let state): state.hasPrefix("57P") || state.hasPrefix("08")
    }
  }

  /// The same as callers of a database know it.
  var translated: DatabaseError {
    switch kind {
    case .lost, .unavailable: return .unavailable(message)
    case .lostInCommit: return .outcomeUnknown(message)
    case .unusable: return .failed(code: 0, message: message)
    case .refused(let state):
      switch state {
      case "53100": return .outOfSpace(message)
      case "25006": return .readOnly(message)
      case Seal.movedState: return .moved
      case "XX001", "XX002": return .corrupt(message)
      case "57P01", "57P02", "57P03", "53300", "57014": return .unavailable(message)
      case _ where isConflict: return .conflict(message)
      default: return .failed(code: 0, message: "\(message) (SQLSTATE \(state))")
      }
    }
  }
}
