/// What an advisory says of a version of a package.
public enum Verdict: Sendable, Hashable {
  /// - Parameter fixed: the first version after it that is mended; nil: none is known.
  case affected(fixed: String?)
  case notAffected
  /// It cannot be said, and why.
  case undecidable(String)
}
