/// The rules that give packages their subjects and judge them.
public enum Matcher {
  /// Raised when ``AdvisorySubject/of(_:in:)``, a version order or ``VersionRanges/verdict(_:)`` answers something else than before,
  /// so that images of before are folded and judged again.
  public static let revision = 7
}
