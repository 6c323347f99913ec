import Access
import Ground
import NIOCore
import NIOHTTP1
import OCI

// What is not `/v2`: health, figures.
extension RegistryRoutes {
  /// What operators and their machines ask for, which needs no account and never waits.
  static let operatorPaths: Set = ["/", "/healthz", "/readyz", "/metrics"]

  func pages(_ request: Request) async throws -> Response {
    if Self.operatorPaths.contains(request.path) { try requireRead(request) }
    switch request.path {
    case "/":
      let login = access.policy.isOpen ? "It is open: everybody may do everything.\n" : "Log in at /auth/.\n"
      return .text(.ok, "Berth \(settings.version), a container registry. Its API is at /v2/. \(login)")
    case "/healthz": return .text(.ok, "ok\n")
    case "/readyz": return await readiness()
    case "/metrics":
      return Response(
        .ok, headers: [("content-type", "text/plain; version=0.0.4; charset=utf-8")],
        body: .bytes(ByteBuffer(string: metrics.text())))
    default: throw Refusal(.notFound, .unsupported, "there is nothing at this path; the API is at /v2/")
    }
  }

  private func readiness() async -> Response {
    let report = await health.report()
    func listed(_ entries: [(part: String, text: String)]) -> JSONValue {
      .array(entries.map { ["part": .string($0.part), "text": .string($0.text)] })
    }
    let isReady = report.problems.isEmpty
    let body: JSONValue = [
      "ready": .bool(isReady), "problems": listed(report.problems), "warnings": listed(report.warnings),
    ]
    return .json(isReady ? .ok : .serviceUnavailable, body.bytes + [0x0A])
  }
}
