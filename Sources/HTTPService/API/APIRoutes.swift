import Access
import Ground
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// `/api/v1/`: the administration API. Its operations are one table, which the OpenAPI document is made from.
extension RegistryRoutes {
  static let apiRoutes: [APIRoute] =
    APIRoute.identity + APIRoute.users + APIRoute.teams + APIRoute.namespaces + APIRoute.robots + APIRoute.tokens
    + APIRoute.trust + APIRoute.record + APIRoute.tags + APIRoute.rules
    + APIRoute.environments + APIRoute.releases + APIRoute.lifecycle
    + APIRoute.search + APIRoute.diff + APIRoute.inspection
    + APIRoute.files + APIRoute.sboms + APIRoute.vex + APIRoute.exceptions + APIRoute.policies + APIRoute.advisories

  /// The largest body of a call: an `htpasswd` file of some thousand lines.
  static let apiBodyLimitBytes = 1 << 20

  func api(_ request: Request) async throws -> Response {
    if request.path == "/api/v1/openapi.json" {
      try requireRead(request)
      return .json(.ok, Self.openAPI(version: settings.version).bytes)
    }
    let segments = request.path.split(separator: "/", omittingEmptySubsequences: true)
    guard !request.path.contains("//") else { throw Self.nothingThere }
    let wanted: HTTPMethod = request.method == .HEAD ? .GET : request.method
    var allowed: [String] = []
    for route in Self.apiRoutes {
      guard let values = route.values(segments) else { continue }
      allowed += route.method == .GET ? ["GET", "HEAD"] : [route.method.rawValue]
      guard route.method == wanted else { continue }
      return try await call(route, values, request)
    }
    guard !allowed.isEmpty else { throw Self.nothing(at: segments) }
    throw Self.otherMethod(allowed: allowed.sorted().joined(separator: ", "))
  }

  /// Whoever names a repository where its namespace is meant is told so.
  private static func nothing(at segments: [Substring]) -> Refusal {
    let names = apiRoutes.lazy.compactMap { $0.namespace(in: segments) }
    guard let name = names.first(where: { $0.contains("/") }) else { return nothingThere }
    return Refusal(
      .notFound, .unsupported,
      "“\(name.prefix(80))” has a slash, and a name without one is meant here, such as a namespace's")
  }

  private static let nothingThere = Refusal(
    .notFound, .unsupported, "there is nothing at this path; the operations are listed in /api/v1/openapi.json")

  private func call(_ route: APIRoute, _ values: [String: String], _ request: Request) async throws -> Response {
    guard try caller(of: request).isAuthenticated else {
      throw AdministrationError(.unauthenticated, "log in to do this")
    }
    if access.policy.isOpen, route.administersAccounts {
      throw AdministrationError(
        .denied,
        "accounts are switched off (--open): whoever is made now would be let in later; start without --open to change them"
      )
    }
    let query = try query(request)
    if let name = query.parameters.map(\.name).first(where: { name in !route.query.contains { $0.name == name } }) {
      throw unknown(name, known: route.query.map(\.name))
    }
    let body = try await body(route, request)
    // While a body comes, what its sender may can be taken away.
    let current = try await renewed(request)
    let call = APICall(
      request: current, caller: try caller(of: current), values: values, query: query, body: body)
    guard let answer = try await route.handle(self, call) else { return Response(.noContent) }
    var response = Response.json(route.status, answer.bytes + [0x0A])
    response.headers.append(("cache-control", "no-store"))
    return response
  }

  /// A JSON object with no members but those that the operation knows: a typing mistake is told, and not passed over.
  private func body(_ route: APIRoute, _ request: Request) async throws -> JSONObject {
    guard let fields = route.body else { return JSONObject() }
    guard let bytes = try await request.body.collect(limit: Self.apiBodyLimitBytes) else {
      throw Refusal(.payloadTooLarge, .sizeInvalid, "a body has at most \(Self.apiBodyLimitBytes) bytes")
    }
    if bytes.readableBytes == 0 { return JSONObject() }
    let type = request.header("content-type")?.prefix { $0 != ";" }.lowercased() ?? ""
    guard type == "application/json" else {
      throw Refusal(.unsupportedMediaType, .unsupported, "send JSON: Content-Type: application/json")
    }
    let value: JSONValue
    do throws(ParseError) {
      value = try bytes.withUnsafeReadableBytes { bytes -> Result<JSONValue, ParseError> in
        do throws(ParseError) { return .success(try JSONValue.parse(bytes, depthLimit: 16)) } catch {
          return .failure(error)
        }
      }.get()
    } catch {
      throw AdministrationError(.invalid, error.message)
    }
    guard let object = value.object else { throw AdministrationError(.invalid, "the body must be a JSON object") }
    if let key = object.duplicateKey { throw AdministrationError(.invalid, "“\(key)” is there twice") }
    for member in object.members where !fields.contains(where: { $0.name == member.key }) {
      throw unknown(member.key, known: fields.map(\.name))
    }
    for field in fields where !field.takesAnyText {
      guard let value = object[field.name], !Self.isPlain(value) else { continue }
      throw AdministrationError(
        .invalid, "“\(field.name)” may hold no line breaks and no other control characters")
    }
    return object
  }

  /// A typing mistake in the name of a parameter or member.
  private func unknown(_ name: String, known: [String]) -> AdministrationError {
    let list = known.isEmpty ? "nothing is" : "known are \(known.joined(separator: ", "))"
    return AdministrationError(.invalid, "“\(name.prefix(80))” is not known here; \(list)")
  }

  /// Whether no text in a value could pass for something else where it is shown: see ``PlainText``.
  private static func isPlain(_ value: JSONValue) -> Bool {
    switch value {
    case .string(let text): PlainText.isPlain(text)
    case .array(let elements): elements.allSatisfy(isPlain)
    case .object(let object): object.members.allSatisfy { PlainText.isPlain($0.key) && isPlain($0.value) }
    case .null, .bool, .integer, .number: true
    }
  }

  // MARK: Failures

  func problem(_ error: AdministrationError, _ request: Request) -> Response {
    switch error.kind {
    case .unauthenticated:
      return envelope(
        .unauthorized, .unauthorized, error.message, [],
        headers: [("www-authenticate", "Basic realm=\"berth\", charset=\"UTF-8\"")])
    case .denied:
      noteRefusal(error.message, request)
      return envelope(.forbidden, .denied, error.message, [])
    case .hidden:
      noteRefusal(error.message, request)
      return envelope(.notFound, .nameUnknown, error.message, [])
    case .notFound: return envelope(.notFound, .nameUnknown, error.message, [])
    case .conflict: return envelope(.conflict, .unsupported, error.message, [])
    case .invalid: return envelope(.badRequest, .unsupported, error.message, [])
    }
  }

  /// Any failure in the form that this API answers with: RFC 9457.
  func asProblem(_ response: Response, _ request: Request) -> Response {
    var problem: JSONObject = [
      "type": "about:blank", "title": .string(response.status.reasonPhrase),
      "status": .integer(Int64(response.status.code)), "detail": .string(response.message ?? ""),
      "instance": .string("urn:berth:request:\(request.id)"),
    ]
    for member in response.problemMembers.members { problem.append(member.key, member.value) }
    var answer = Response.json(
      response.status, JSONValue.object(problem).bytes + [0x0A], type: "application/problem+json")
    answer.headers += response.headers.filter { $0.name != "content-type" && $0.name != Self.apiVersion.name }
    answer.note = response.note
    answer.message = response.message
    return answer
  }

  // MARK: The document

  static func openAPI(version: String) -> JSONValue {
    var paths: [(path: String, operations: JSONObject)] = []
    for route in apiRoutes {
      let operation = operation(route)
      if let index = paths.firstIndex(where: { $0.path == route.path }) {
        paths[index].operations.append(route.method.rawValue.lowercased(), operation)
      } else {
        paths.append((route.path, JSONObject([.init(key: route.method.rawValue.lowercased(), value: operation)])))
      }
    }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Berth administration", "version": .string(version),
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
      ],
      "security": [["basic": []], ["bearer": []]],
      "paths": .object(JSONObject(paths.map { .init(key: $0.path, value: .object($0.operations)) })),
      "components": [
        "securitySchemes": [
          "basic": ["type": "http", "scheme": "basic"], "bearer": ["type": "http", "scheme": "bearer"],
        ],
        "schemas": [
          "Problem": [
            "type": "object", "description": "RFC 9457",
            "properties": [
              "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
              "detail": ["type": "string"], "instance": ["type": "string"],
              "failures": [
                "type": "array", "description": "Of a release that is refused: every rule that is not met.",
                "items": [
                  "type": "object",
                  "properties": [
                    "rule": ["type": "string"], "image": ["type": ["string", "null"]], "message": ["type": "string"],
                  ],
                ],
              ],
            ],
          ]
        ],
      ],
    ]
  }

  private static func operation(_ route: APIRoute) -> JSONValue {
    var parameters = route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part -> JSONValue in
      [
        "name": .string(String(part.dropFirst().dropLast())), "in": "path", "required": true,
        "schema": ["type": "string"],
      ]
    }
    for (place, known) in [("query", route.query), ("header", route.headers)] {
      parameters += known.map { parameter in
        [
          "name": .string(parameter.name), "in": .string(place), "required": .bool(parameter.isRequired),
          "description": .string(parameter.description), "schema": parameter.schema.json,
        ]
      }
    }
    var done: JSONObject = ["description": "Done."]
    if let answer = route.answer { done.append("content", ["application/json": ["schema": answer.json]]) }
    var operation: JSONObject = [
      "summary": .string(route.summary), "description": .string("Who may: \(route.permission)."),
      "parameters": .array(parameters),
    ]
    if let body = route.body {
      operation.append(
        "requestBody",
        ["required": true, "content": ["application/json": ["schema": APISchema.object(body).json]]])
    }
    let problem: JSONValue = [
      "description": "Why not.",
      "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
    ]
    operation.append(
      "responses",
      .object(
        JSONObject([
          .init(key: route.answer == nil ? "204" : String(route.status.code), value: .object(done)),
          .init(key: "default", value: problem),
        ])))
    return .object(operation)
  }
}
