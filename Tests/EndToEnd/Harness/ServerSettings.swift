/// The settings that these tests use, as `docs/configuration.md` has them. The only place that names them.
enum ServerSettings {
  /// Collection that runs all the time and gives an unreferenced blob hardly any time.
  static let eagerCollection = """
    collection:
      interval: 1s
      lease: 2s

    """

  static func tls(certificate: String, key: String) -> String {
    """
    http:
      tls:
        certificate: \(certificate)
        key: \(key)

    """
  }
}
