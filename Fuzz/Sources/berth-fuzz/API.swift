import Foundation
import NIOHTTP1
import OCI
import TestSupport

@testable import HTTPService

/// Calls of the administration API by an account that may do everything: paths, queries and bodies that begin as the OpenAPI
/// document has them. Whatever was sent, the answer is JSON and tells of no failure of the server.
func fuzzAPI(seconds: Int, seed: UInt64, witness: Witness) async throws -> Int {
  var calls = APICalls(seed: seed)
  let clock = ContinuousClock()
  let end = clock.now + .seconds(seconds)
  var server = try await TestRegistry.start(access: .closed)
  var client = RawHTTPClient(host: server.host, port: server.port)
  var rounds = 0
  while clock.now < end {
    let request = calls.next()
    witness.keep(request.bytes(host: client.authority))
    let answer = try await client.send(request)
    precondition(answer.status < 500, "\(answer)")
    let type = answer.first("Content-Type") ?? ""
    if type.hasSuffix("json"), !answer.body.isEmpty {
      precondition((try? answer.body.withUnsafeBytes { try JSONValue.parse($0) }) != nil, "\(answer)")
    }
    rounds += 1
    // It may have taken its own account away.
    guard answer.status == 401 else { continue }
    try await client.close()
    try await server.stop()
    server = try await TestRegistry.start(access: .closed)
    client = RawHTTPClient(host: server.host, port: server.port)
  }
  try await client.close()
  try await server.stop()
  return rounds
}

/// Makes calls of the operations that the server has, the same ones for the same seed.
private struct APICalls {
  private var words: Mutator
  private var bodies: Mutator
  private static let routes = RegistryRoutes.apiRoutes
  private static let credentials = Data("admin:\(TestRegistry.adminPassword)".utf8).base64EncodedString()

  init(seed: UInt64) {
    words = Mutator(seed: seed, seeds: Seeds.apiWords)
    bodies = Mutator(seed: seed &+ 1, seeds: Seeds.apiBodies)
  }

  mutating func next() -> RawRequest {
    let route = Self.routes[number(Self.routes.count)]
    var target = ""
    for part in route.path.split(separator: "/") {
      let isRepository = part == "{repository}"
      target += "/" + (part.hasPrefix("{") ? isRepository ? "acme/api" : PercentCoding.encoded(word()) : String(part))
    }
    let asked = route.query.filter { _ in number(2) == 0 }.map {
      "\($0.name)=\(PercentCoding.encoded(value($0.schema).string ?? word()))"
    }
    if !asked.isEmpty { target += "?" + asked.joined(separator: "&") }
    if number(16) == 0 { target += (asked.isEmpty ? "?" : "&") + PercentCoding.encoded(word()) }
    var fields = [RawField("Authorization", "Basic \(Self.credentials)")]
    guard let known = route.body else { return RawRequest(route.method.rawValue, target, fields) }
    fields.append(RawField("Content-Type", "application/json"))
    return RawRequest(route.method.rawValue, target, fields, body: .bytes(body(known)))
  }

  /// An object of the operation's members, or anything else.
  private mutating func body(_ fields: [APIField]) -> [UInt8] {
    switch number(4) {
    case 0: return bodies.next()
    case 1:
      var bytes = object(fields).bytes
      for _ in 0...number(3) where !bytes.isEmpty {
        bytes[number(bytes.count)] = UInt8(truncatingIfNeeded: words.chance())
      }
      return bytes
    default: return object(fields).bytes
    }
  }

  private mutating func object(_ fields: [APIField]) -> JSONValue {
    var object = JSONObject()
    for field in fields where field.isRequired || number(2) == 0 { object.append(field.name, value(field.schema)) }
    return .object(object)
  }

  /// A value of a shape, or now and then of another one.
  private mutating func value(_ schema: APISchema) -> JSONValue {
    if number(12) == 0 { return [.null, .bool(true), .integer(-1), .number(1e300), .array([]), [:]][number(6)] }
    switch schema {
    case .string, .any: return .string(word())
    case .integer: return .integer([0, 1, 1000, -1, .max, .min][number(6)])
    case .boolean: return .bool(number(2) == 0)
    case .moment: return .string(number(2) == 0 ? "2026-11-26T12:00:00Z" : word())
    case .choice(let words): return .string(words.isEmpty ? word() : words[number(words.count)])
    case .list(let element), .page(let element): return .array((0..<number(4)).map { _ in value(element) })
    case .map(let element): return [word(): value(element)]
    case .object(let fields): return object(fields)
    case .nullable(let inner): return number(3) == 0 ? .null : value(inner)
    }
  }

  private mutating func word() -> String { String(decoding: words.next().prefix(300), as: UTF8.self) }
  private mutating func number(_ end: Int) -> Int { Int(words.chance() % UInt64(max(1, end))) }
}
