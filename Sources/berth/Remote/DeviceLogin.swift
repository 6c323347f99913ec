import Glibc
import OCI

/// A login that begins at a terminal and goes on in a browser.
///
/// Source: RFC 8628.
struct DeviceLogin {
  private let server: RemoteServer

  init(_ server: RemoteServer) { self.server = server }

  func run() async throws -> CredentialFile.Credential {
    let begun = try await server.post(form: [("client_id", "berth on \(hostName())")], to: "/auth/device/code")
    guard let code = begun["device_code"]?.string, let userCode = begun["user_code"]?.string,
      let page = begun["verification_uri_complete"]?.string ?? begun["verification_uri"]?.string
    else { throw RemoteServer.Failure(status: 0, description: "\(server.url) has no login by browser") }
    standardError("Open \(page) and confirm the code \(userCode).")
    var interval = begun["interval"]?.integer ?? 5
    while true {
      try await Task.sleep(for: .seconds(interval))
      let answer = try await poll(code)
      switch answer["error"]?.string {
      case nil:
        guard let user = answer["user"]?.string, let secret = answer["access_token"]?.string else {
          throw RemoteServer.Failure(status: 0, description: "\(server.url) gave no token")
        }
        return CredentialFile.Credential(user: user, secret: secret)
      case "authorization_pending"?: continue
      case "slow_down"?: interval += 5
      case let other?:
        let said = answer["error_description"]?.string ?? other
        throw RemoteServer.Failure(status: 400, description: said)
      }
    }
  }

  private func poll(_ code: String) async throws -> JSONValue {
    try await server.answer(
      form: [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", code)], to: "/token")
  }
}
