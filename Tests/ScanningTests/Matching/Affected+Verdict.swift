import Scanning

extension Affected {
  /// What is said of one version. The scanner itself asks about many, and keeps ``VersionRanges``.
  func verdict(_ version: String) -> Verdict {
    VersionRanges(self).verdict(VersionRanges.Subject(version, in: ecosystem))
  }
}
