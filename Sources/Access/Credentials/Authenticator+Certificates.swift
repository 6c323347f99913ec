import Metadata

extension Authenticator {
  /// Who shows a certificate that our authority has signed.
  func certificateCaller(
    _ certificate: ClientCertificate, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) async throws -> Caller {
    let fields =
      [("subject", certificate.subject)] + certificate.dnsNames.map { ("dns", $0) }
      + certificate.uris.map { ("uri", $0) } + certificate.emails.map { ("email", $0) }
    for (field, value) in fields.prefix(Self.certificateFieldLimit) {
      guard let id = try await memory.database.read({ try $0.account(certificate: field, value) }),
        let account = try await memory.account(id), isGood(account, epoch: nil)
      else { continue }
      return Caller(
        principal: .account(account),
        origin: Origin(
          actor: account.name, credential: "certificate \(field)=\(value)", address: address, requestID: requestID))
    }
    // It shows nothing that anybody here knows: as good as none.
    return .anonymous(address: address, requestID: requestID)
  }

  /// Names in one certificate that are looked up.
  static let certificateFieldLimit = 64
}
