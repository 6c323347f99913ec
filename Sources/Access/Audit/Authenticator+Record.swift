import Metadata
import OCI

extension Authenticator {
  /// Records that somebody did not get in.
  func refused(
    _ name: String, _ credential: String, _ why: String, _ address: String, _ requestID: String
  ) async throws {
    let origin = Origin(actor: "anonymous", credential: credential, address: address, requestID: requestID)
    let shown = String(name.prefix(Self.shownNameLimit))
    trail?.note(
      AuditEntry("login", .refused, by: origin, target: shown, detail: (["reason": .string(why)] as JSONValue).text))
  }

  /// Of a name that somebody made up, no more than this is kept.
  static let shownNameLimit = 128
}
