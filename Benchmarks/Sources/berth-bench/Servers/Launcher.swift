import Foundation
import Glibc

/// Starts servers, each with its data, configuration and log in a directory of its own.
struct Launcher: Sendable {
  /// The program under test.
  let berthPath: String
  /// The directory of the run.
  let directory: String

  /// Starts a server and waits for its first answer.
  ///
  /// - Parameters:
  ///   - home: the name of the server's directory; one that was used before is started again on its old data.
  ///   - berthSettings: further lines of Berth's configuration file.
  ///   - backends: where docker-registry keeps its things, instead of a directory.
  /// - Returns: the server, and the seconds from the start of the process to its first answer.
  func start(
    _ subject: Subject, home: String, tls: Bool = false, berthSettings: String? = nil, backends: Backends? = nil
  ) throws -> (server: Server, startSeconds: Double) {
    let home = "\(directory)/\(home)"
    let data = "\(home)/data"
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    let port = try freePort()
    let certificate = tls ? try makeCertificate() : nil
    let log = "\(home)/log"

    let arguments: [String]
    switch subject {
    case .dockerRegistry:
      let path = "\(home)/registry.yaml"
      try write(
        dockerRegistryConfiguration(data: data, port: port, certificate: certificate, backends: backends), to: path)
      // Its S3 driver does not start where this is set.
      arguments = ["env", "-u", "AWS_CA_BUNDLE", "docker-registry", "serve", path]
    case .nginx:
      let path = "\(home)/nginx.conf"
      try write(nginxConfiguration(home: home, data: data, port: port, certificate: certificate), to: path)
      arguments = ["nginx", "-p", home, "-e", log, "-c", path]
    case .berth:
      var settings = berthSettings ?? ""
      if let certificate {
        settings += "http:\n  tls:\n    certificate: \(certificate.path)\n    key: \(certificate.keyPath)\n"
      }
      var command = [berthPath, "serve", "--data", data, "--listen", "127.0.0.1:\(port)", "--open"]
      if !settings.isEmpty {
        let path = "\(home)/berth.yaml"
        try write(settings, to: path)
        command += ["--config", path]
      }
      arguments = command
    }

    let begin = nowNanoseconds()
    let process = try ChildProcess.start(arguments, log: log)
    let server = Server(subject: subject, process: process, port: port, tls: tls, data: data)
    do {
      let ready = try server.waitUntilReady(log: log)
      return (server, Double(ready - begin) / 1e9)
    } catch {
      server.stop()
      throw error
    }
  }

  private func write(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: false, encoding: .utf8)
  }

  /// A port of the loopback address that nobody listens on.
  func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard bound else { throw BenchError("no free port: \(String(cString: strerror(errno)))") }
    return UInt16(bigEndian: address.sin_port)
  }

  /// One self-signed certificate a run, the same for all servers.
  private func makeCertificate() throws -> Certificate {
    let certificate = Certificate(path: "\(directory)/certificate.pem", keyPath: "\(directory)/key.pem")
    if FileManager.default.fileExists(atPath: certificate.path) { return certificate }
    let process = try ChildProcess.start(
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate.keyPath, "-out",
        certificate.path,
      ], log: "\(directory)/openssl.log")
    while process.isRunning { usleep(5000) }
    process.stop()
    guard FileManager.default.fileExists(atPath: certificate.path) else {
      throw BenchError("openssl made no certificate")
    }
    return certificate
  }
}

/// A certificate and its key, as PEM files.
struct Certificate {
  let path: String
  let keyPath: String
}
