/// The settings that these tests use, as `docs/configuration.md` has them. The only place that names them.
enum ServerSettings {
  /// Collection that runs all the time and gives an unreferenced blob hardly any time.
  static let eagerCollection = """
    collection:
      interval: 1s
      lease: 2s

    """

  /// Behind a pooler in transaction mode.
  static let pooled = "database:\n  prepared_statements: false\n"

  static func databasePassword(file: String) -> String { "database:\n  password_file: \(file)\n" }

  static func tls(certificate: String, key: String) -> String {
    """
    http:
      tls:
        certificate: \(certificate)
        key: \(key)

    """
  }
}
