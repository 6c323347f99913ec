/// What an image says of its operating system, in `os-release` and its relatives.
///
/// Source: os-release(5).
public struct Distribution: Sendable, Hashable {
  /// `ID`, such as `debian`. Lower case.
  public var id: String
  /// `VERSION_ID`, such as `12` or `3.18.4`; empty where the system has none (testing, rolling releases).
  public var versionID: String = ""
  /// `VERSION_CODENAME`, such as `bookworm`.
  public var codename: String?
  /// `ID_LIKE`, in its order.
  public var idLike: [String] = []
  /// `CPE_NAME`.
  public var cpeName: String?
  /// `PRETTY_NAME`, for people.
  public var prettyName: String?
  /// Subscriptions that bring fixes of their own and are switched on: `esm-infra`. Sorted.
  public var services: [String] = []

  public init(id: String, versionID: String = "") {
    self.id = id
    self.versionID = versionID
  }
}
