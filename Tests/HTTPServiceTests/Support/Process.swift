import Foundation
import Glibc
import TestSupport

/// What the kernel says of this process.
enum ThisProcess {
  /// How many descriptors are open.
  static var descriptorCount: Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0)
  }

  /// Memory that is in use, in bytes.
  static var residentBytes: Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }

  /// Hundreds of connections with both their ends need more descriptors than a shell gives.
  static func allowManyDescriptors() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = min(limit.rlim_max, 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

/// Runs a program to its end.
///
/// - Returns: its exit code and what it printed, errors included.
func run(_ program: String, _ arguments: [String]) async throws -> (code: Int32, output: [UInt8]) {
  // Not in a thread of those that run tests: it waits.
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue(label: "program").async {
      continuation.resume(
        with: Result {
          let program = try FinishedProgram(program, arguments)
          return (program.status, program.output)
        })
    }
  }
}

/// Makes a certificate for this machine, hands its files to `body`, and removes them.
func withCertificate(_ body: (TestRegistry.Certificate) async throws -> Void) async throws {
  let directory = try temporaryDirectory()
  let certificate = TestRegistry.Certificate(
    certificatePath: directory + "/server.crt", keyPath: directory + "/server.key")
  let made = try await run(
    "openssl",
    [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate.keyPath, "-out",
      certificate.certificatePath,
    ])
  guard made.code == 0 else { throw NotSeen(description: String(decoding: made.output, as: UTF8.self)) }
  let outcome: Result<Void, any Error>
  do {
    try await body(certificate)
    outcome = .success(())
  } catch {
    outcome = .failure(error)
  }
  try removeTree(directory)
  try outcome.get()
}

/// Writes a file.
func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }
