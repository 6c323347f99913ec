import Foundation

/// Debian's nginx in front of a server: under `/registry/` by plain HTTP, and at the root by TLS, which ends there.
final class NginxProxy: Sendable {
  let plain: Address
  let secure: Address
  let authority: CertificateAuthority
  private let child: ChildProcess
  private let log: TemporaryFile

  /// Starts nginx and waits until it passes requests on.
  init(before server: Address, in workspace: Workspace) async throws {
    (plain, secure) = (try .free4(), try .free4())
    authority = try await CertificateAuthority("proxy", in: workspace)
    let folder = try workspace.folder("nginx")
    try await authority.issue(certificate: "\(folder)/proxy.crt", key: "\(folder)/proxy.key")
    let configuration = try workspace.write(
      Self.configuration(folder: folder, server: server, plain: plain, secure: secure), to: "nginx/nginx.conf")
    log = try TemporaryFile()
    child = try ChildProcess(
      path: try ProgramRunner.find("nginx"), arguments: ["-e", "stderr", "-p", folder, "-c", configuration],
      environment: ["PATH": "/usr/bin:/bin"], output: log.descriptor, errors: log.descriptor, ownGroup: true)
    try await eventually("nginx passes requests on") {
      if let ending = child.ending {
        throw HarnessError("nginx ended with \(ending): \(String(decoding: log.contents(), as: UTF8.self))")
      }
      return (try? await RegistryReader.get(plain, "/registry/readyz"))?.status == 200
    }
  }

  deinit { child.kill(SIGKILL) }

  private static func configuration(folder: String, server: Address, plain: Address, secure: Address) -> String {
    """
    daemon off; master_process off; pid \(folder)/pid; error_log stderr warn;
    events {}
    http {
      access_log off;
      client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy; fastcgi_temp_path \(folder)/fastcgi;
      uwsgi_temp_path \(folder)/uwsgi; scgi_temp_path \(folder)/scgi;
      client_max_body_size 0; proxy_request_buffering off; proxy_buffering off; proxy_http_version 1.1;
      # Redirects and locations go out exactly as the server has written them.
      proxy_redirect off;
      proxy_set_header Host "registry.internal";
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      server {
        listen \(plain.listenArgument);
        location /registry/ {
          proxy_set_header Host "registry.internal";
          proxy_set_header X-Forwarded-Host $http_host;
          proxy_set_header X-Forwarded-Proto $scheme;
          proxy_set_header X-Forwarded-Prefix /registry;
          proxy_pass http://\(server.authority)/;
        }
      }
      server {
        listen \(secure.listenArgument) ssl;
        ssl_certificate \(folder)/proxy.crt; ssl_certificate_key \(folder)/proxy.key;
        location / { proxy_pass http://\(server.authority); }
      }
    }

    """
  }
}
