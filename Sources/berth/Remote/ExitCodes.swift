import ArgumentParser

// How commands that ask a server end, for scripts; docs/operations.md has the table. 0, 1, 64 and 78 mean what they mean everywhere.
extension ExitCode {
  /// There is no answer, or no login that is good: trying again, or logging in, may help.
  static let couldNotAsk = ExitCode(2)
  /// The question was whether something is so, and it is not.
  static let answerIsNo = ExitCode(3)
  /// What was asked for waits until others agree.
  static let pending = ExitCode(4)
  /// There is no such thing, or it is not to be seen.
  static let notThere = ExitCode(5)
}

extension ExitCode {
  /// How a command ends that was answered with a status of HTTP; 0: there was no answer.
  static func refused(with status: Int) -> ExitCode {
    switch status {
    case 0, 401, 429, 500...: .couldNotAsk
    case 404: .notThere
    default: .failure
    }
  }
}
