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

  static let standard = [certificateAndKey, openOnlyOnLoopback, chunkFitsBlob]

  private static let certificateAndKey = SettingRule(paths: ["http.tls.certificate", "http.tls.key"]) { settings in
    switch (settings.http.tls.certificate, settings.http.tls.key) {
    case (nil, .some):
      [Violation(path: "http.tls.key", message: "is set but http.tls.certificate is not; set both or neither")]
    case (.some, nil):
      [Violation(path: "http.tls.certificate", message: "is set but http.tls.key is not; set both or neither")]
    case (nil, nil), (.some, .some): []
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
}
