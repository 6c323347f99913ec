import Upkeep

/// A condition on several settings together.
struct SettingRule: Sendable {
  struct Violation: Equatable {
    /// The setting that the message is reported at; the message reads on from its name.
    let path: String
    let message: String
  }

  /// Every setting that the rule reads.
  let paths: [String]
  let violations: @Sendable (Settings) -> [Violation]

  static let standard = [
    certificateAndKey, clientCertificates, openOnlyOnLoopback, onePassword, providersDiffer, chunkFitsBlob,
    keyAndSecret, bundlesAreSigned,
  ]

  private static let certificateAndKey = SettingRule(paths: ["http.tls.certificate", "http.tls.key"]) { settings in
    switch (settings.http.tls.certificate, settings.http.tls.key) {
    case (nil, .some):
      [Violation(path: "http.tls.key", message: "is set but http.tls.certificate is not; set both or neither")]
    case (.some, nil):
      [Violation(path: "http.tls.certificate", message: "is set but http.tls.key is not; set both or neither")]
    case (nil, nil), (.some, .some): []
    }
  }

  private static let clientCertificates = SettingRule(
    paths: ["http.tls.client_ca", "http.tls.certificate"]
  ) { settings in
    guard settings.http.tls.clientCA != nil, settings.http.tls.certificate == nil else { return [] }
    return [Violation(path: "http.tls.client_ca", message: "is set but http.tls.certificate is not")]
  }

  private static let onePassword = SettingRule(
    paths: ["access.admin_password", "access.admin_password_file"]
  ) { settings in
    guard settings.access.adminPassword != nil, settings.access.adminPasswordFile != nil else { return [] }
    return [Violation(path: "access.admin_password", message: "is set twice: remove it or the file")]
  }

  private static let providersDiffer = SettingRule(paths: ["access.sign_on"]) { settings in
    let names = settings.access.signOn.map(\.name)
    guard Set(names).count < names.count else { return [] }
    return [Violation(path: "access.sign_on", message: "names two providers alike")]
  }

  private static let bundlesAreSigned = SettingRule(
    paths: ["inspection.feeds", "inspection.bundle_keys"]
  ) { settings in
    guard settings.inspection.bundleKeys.isEmpty else { return [] }
    return settings.inspection.feeds.filter { $0.content == .bundle }.map { feed in
      Violation(
        path: "inspection.feeds",
        message: "has the bundle \(quoted(feed.name)), and inspection.bundle_keys names no key that may have signed it")
    }
  }

  private static let openOnlyOnLoopback = SettingRule(paths: ["access.open", "http.listen"]) { settings in
    guard settings.access.open else { return [] }
    return settings.http.listen.filter { !$0.isLoopback }.map { address in
      Violation(
        path: "http.listen",
        message: "\(quoted(address.description)) can be reached from other machines, and access.open lets everyone "
          + "change everything; use a loopback address such as 127.0.0.1:5000")
    }
  }

  private static let chunkFitsBlob = SettingRule(
    paths: ["uploads.chunk_minimum_bytes", "limits.blob_bytes"]
  ) { settings in
    guard let chunk = settings.uploads.chunkMinimumBytes, let blob = settings.limits.blobBytes, chunk > blob else {
      return []
    }
    return [Violation(path: "uploads.chunk_minimum_bytes", message: "is larger than limits.blob_bytes")]
  }

  private static let keyAndSecret = SettingRule(
    paths: ["s3.access_key_id", "s3.secret_access_key", "s3.secret_access_key_file"]
  ) { settings in
    let secrets = [
      ("s3.secret_access_key", settings.s3.secretAccessKey),
      ("s3.secret_access_key_file", settings.s3.secretAccessKeyFile),
    ].filter { $0.1 != nil }.map(\.0)
    switch (settings.s3.accessKeyID, secrets.count) {
    case (nil, 0), (.some, 1): return []
    case (.some, 0):
      return [
        Violation(path: "s3.access_key_id", message: "is set without a secret; set s3.secret_access_key_file too")
      ]
    case (nil, _): return [Violation(path: secrets[0], message: "is set but s3.access_key_id is not")]
    case (.some, _): return [Violation(path: secrets[0], message: "is set twice: remove it or the file")]
    }
  }
}
