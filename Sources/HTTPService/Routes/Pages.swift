import Ground
import NIOCore
import NIOHTTP1
import OCI

// What is not `/v2`: health, figures.
extension RegistryRoutes {
  func pages(_ request: Request) async throws -> Response {
    guard request.method == .GET || request.method == .HEAD else {
      throw Refusal(.methodNotAllowed, .unsupported, "this path does not take \(request.method.rawValue)")
    }
    switch request.path {
    case "/": return .text(.ok, "Berth \(settings.version), a container registry. Its API is at /v2/.\n")
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
    let problems = await health.problems()
    let body: JSONValue = [
      "ready": .bool(problems.isEmpty),
      "problems": .array(problems.map { ["part": .string($0.part), "problem": .string($0.problem)] }),
    ]
    return .json(problems.isEmpty ? .ok : .serviceUnavailable, body.bytes + [0x0A])
  }
}
