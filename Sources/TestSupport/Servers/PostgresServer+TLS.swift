import Glibc

extension PostgresServer {
  /// Puts a certificate and its key where the server finds them, readable for it alone.
  func install(_ identity: Options.Identity) throws {
    for (source, target) in [(identity.certificatePath, certificate), (identity.keyPath, key)] {
      try writeText(try readText(source), to: target)
      guard chmod(target, 0o600) == 0 else { throw LabError("cannot change the mode of \(target): errno \(errno)") }
      try programs.handOver(target)
    }
  }

  /// What `postgresql.conf` says for it.
  var encryption: [String: String] {
    options.identity == nil ? [:] : ["ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key]
  }

  private var certificate: String { "\(folder)/server.crt" }
  private var key: String { "\(folder)/server.key" }
}
