import Foundation

/// A certificate authority of a test, made with `openssl`.
struct CertificateAuthority {
  let workspace: Workspace
  let name: String

  /// The authority's own certificate.
  var certificate: String { workspace.file("\(name)/ca.crt") }
  /// A folder that holds nothing but that certificate, as skopeo's `--src-cert-dir` wants it.
  var trustFolder: String { workspace.file("\(name)/trust") }

  init(_ name: String, in workspace: Workspace) async throws {
    self.name = name
    self.workspace = workspace
    _ = try workspace.folder("\(name)/trust")
    try await openssl([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
      "-subj", "/CN=\(name)", "-keyout", workspace.file("\(name)/ca.key"), "-out", certificate,
    ])
    try FileManager.default.copyItem(atPath: certificate, toPath: "\(trustFolder)/ca.crt")
  }

  /// Issues a certificate for 127.0.0.1, ::1 and localhost to two files, replacing each in one step.
  func issue(certificate target: String, key targetKey: String) async throws {
    let (key, request, issued) = (file("server.key"), file("server.csr"), file("server.crt"))
    let extensions = try workspace.write(
      "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nextendedKeyUsage=serverAuth\n", to: "\(name)/server.ext")
    try await openssl([
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
      "-keyout", key, "-out", request,
    ])
    try await openssl([
      "x509", "-req", "-in", request, "-CA", certificate, "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2",
      "-extfile", extensions, "-out", issued,
    ])
    guard rename(key, targetKey) == 0, rename(issued, target) == 0 else {
      throw HarnessError("cannot put the certificate in its place: errno \(errno)")
    }
  }

  /// Issues a client's certificate.
  ///
  /// - Parameter names: `subjectAltName` as OpenSSL writes it.
  func issueClient(subject: String, names: String) async throws -> (certificate: String, key: String) {
    let id = UUID().uuidString.prefix(8)
    let (key, request, issued) = (file("\(id).key"), file("\(id).csr"), file("\(id).crt"))
    let extensions = try workspace.write(
      "subjectAltName=\(names)\nextendedKeyUsage=clientAuth\n", to: "\(name)/\(id).ext")
    try await openssl([
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", key, "-out",
      request,
    ])
    try await openssl([
      "x509", "-req", "-in", request, "-CA", certificate, "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2",
      "-extfile", extensions, "-out", issued,
    ])
    return (issued, key)
  }

  private func file(_ own: String) -> String { workspace.file("\(name)/\(own)") }

  private func openssl(_ arguments: [String]) async throws { try await ProgramRunner.succeed("openssl", arguments) }
}
