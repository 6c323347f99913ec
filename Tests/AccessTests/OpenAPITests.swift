import Access
import NIOHTTP1
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import HTTPService

/// The document as a program gets it that is written against it, and answers held against what it says.
@Suite struct `The OpenAPI document of a running server` {
  private static func document(_ registry: ClosedRegistry) async throws -> JSONValue {
    let answer = try await registry.ask("GET", "/api/v1/openapi.json")
    #expect(answer.status == 200)
    #expect(answer.first("Content-Type") == "application/json")
    return answer.json
  }

  @Test func `is for everybody, and has every operation with its parameters, and no others`() async throws {
    try await ClosedRegistry.withOne { registry in
      let document = try await Self.document(registry)
      #expect(document["openapi"] == "3.1.0")
      #expect(document["info"]?["version"]?.string?.isEmpty == false)
      var operations: [String] = []
      for path in try #require(document["paths"]?.object).members {
        let named = Set(path.key.matches(of: /\{([a-z]+)\}/).map { String($0.1) })
        for operation in try #require(path.value.object).members {
          operations.append("\(operation.key.uppercased()) \(path.key)")
          let parameters = operation.value["parameters"]?.array ?? []
          let inPath = parameters.filter { $0["in"] == "path" && $0["required"] == true }
          #expect(Set(inPath.compactMap { $0["name"]?.string }) == named, "\(path.key)")
          #expect(operation.value["summary"]?.string?.isEmpty == false)
          #expect(operation.value["description"]?.string?.hasPrefix("Who may: ") ?? false)
          let places = parameters.map { "\($0["in"]?.string ?? "") \($0["name"]?.string ?? "")" }
          #expect(Set(places).count == places.count, "\(path.key) has a parameter twice")
        }
      }
      #expect(operations.sorted() == RegistryRoutes.apiRoutes.map { "\($0.method.rawValue) \($0.path)" }.sorted())
      #expect(try await registry.ask("POST", "/api/v1/openapi.json", as: ClosedRegistry.admin).status == 405)
    }
  }

  @Test func `says what reading answers with, and what a refusal is`() async throws {
    try await ClosedRegistry.withOne { registry in
      let document = try await Self.document(registry)
      try await `Who may do what`.makeSubjects(registry)
      try await Self.fill(registry)
      var shown = 0
      for path in try #require(document["paths"]?.object).members {
        guard let operation = path.value["get"] else { continue }
        let call = "GET \(path.key)"
        let answer = try await `Who may do what`.call(call, "admin", ClosedRegistry.admin, registry)
        let said = answer.status == 200 ? operation["responses"]?["200"] : operation["responses"]?["default"]
        let type = answer.first("Content-Type") ?? ""
        let schema = try #require(said?["content"]?[type]?["schema"], "\(call) has no answer of \(type): \(answer)")
        #expect(Shape(document).mistakes(answer.json, schema) == [], "\(call)")
        if answer.status == 200 { shown += 1 }
        let refused = try await `Who may do what`.call(call, "nobody", nil, registry)
        let problem = try #require(
          operation["responses"]?["default"]?["content"]?["application/problem+json"]?["schema"])
        #expect(refused.json["status"] == 401)
        #expect(Shape(document).mistakes(refused.json, problem) == [], "\(call)")
      }
      #expect(shown > 30, "\(shown) operations showed something")
    }
  }

  @Test func `says what trying a policy answers, to who may read the record and to who may not`() async throws {
    try await ClosedRegistry.withOne { registry in
      let document = try await Self.document(registry)
      let acme = "/api/v1/namespaces/acme"
      for (path, body) in [
        ("environments", #"{"name":"staging"}"#), ("environments/staging/promotions", #"{"images":["acme/api:1"]}"#),
      ] {
        let answer = try await registry.api("POST", "\(acme)/\(path)", as: ClosedRegistry.admin, body)
        try #require(answer.status < 300, "\(answer)")
      }
      let pulled = try await registry.ask("GET", "/v2/acme/api/manifests/1", as: ClosedRegistry.basic("reader"))
      #expect(pulled.status == 200)
      try await registry.server.registry.flushPulls()
      try await registry.server.access.trail.flush()
      let operation = document["paths"]?["/api/v1/namespaces/{namespace}/policy/dry-run"]?["post"]
      let schema = try #require(operation?["responses"]?["200"]?["content"]?["application/json"]?["schema"])
      let nothing: [String: [JSONValue]] = ["pull": [.null, .null], "promotion": [.null, .null]]
      let all: [String: [JSONValue]] = ["pull": [1, ["reader"]], "promotion": [.null, []]]
      for (user, expected) in [("maintainer", nothing), ("owner", all), ("auditor", all)] {
        let answer = try await registry.api(
          "POST", "\(acme)/policy/dry-run", as: ClosedRegistry.basic(user), #"{"policy":{"block":{"unscanned":true}}}"#)
        #expect(answer.status == 200, "\(answer)")
        #expect(Shape(document).mistakes(answer.json, schema) == [], "\(user)")
        let images = answer.json["images"]?.array ?? []
        let told = images.map { ($0["event"]?.string ?? "", [$0["recorded"] ?? false, $0["actors"] ?? false]) }
        #expect(Dictionary(told) { first, _ in first } == expected, "\(user): \(answer.json.text)")
        // What is of the one kind is null in the other.
        #expect(
          images.allSatisfy { image in
            let isPull = image["event"] == "pull"
            return image["pulls"]?.isNull == !isPull && image["release"]?.isNull == isPull
              && image["environment"]?.isNull == isPull
          }, "\(answer.json.text)")
      }
      let refused = try await registry.api(
        "POST", "\(acme)/policy/dry-run", as: ClosedRegistry.basic("writer"), "{}")
      #expect(refused.status == 403, "\(refused)")
    }
  }

  /// Something to be shown in most lists.
  private static func fill(_ registry: ClosedRegistry) async throws {
    let acme = "/api/v1/namespaces/acme"
    for (method, path, body) in [
      ("PUT", "/api/v1/teams/crew/members/subject", nil), ("POST", "\(acme)/robots/ci/tokens", #"{"name":"x"}"#),
      ("POST", "\(acme)/robots/ci/certificates", #"{"field":"dns","value":"node.test"}"#),
      ("POST", "/api/v1/tokens", #"{"name":"x","scope":[{"repository":"acme/*","actions":["pull"]}]}"#),
      ("PUT", "\(acme)/rules/retention", #"{"value":{"keepLast":100}}"#),
      (
        "POST", "\(acme)/trust",
        #"{"name":"main","issuer":"\#(registry.issuer.url)","claims":{"a":"b"},"role":"reader"}"#
      ),
      ("PUT", "/api/v1/repositories/acme/api/-/labels", #"{"target":"1","set":{"team":"payments"}}"#),
      ("POST", "\(acme)/environments/staging/promotions", #"{"images":["acme/api:1"]}"#),
    ] as [(String, String, String?)] {
      let answer = try await registry.api(method, path, as: ClosedRegistry.admin, body)
      try #require(answer.status < 300, "\(method) \(path): \(answer)")
    }
  }
}

/// As much of JSON Schema as the document has: what it does not know is a mistake too.
private struct Shape {
  private let document: JSONValue
  init(_ document: JSONValue) { self.document = document }

  private static let known: Set = [
    "$ref", "anyOf", "type", "enum", "format", "items", "properties", "required", "additionalProperties", "description",
  ]

  /// Where a value is not what the schema says.
  func mistakes(_ value: JSONValue, _ schema: JSONValue, at place: String = "$") -> [String] {
    let members = schema.object ?? JSONObject()
    if let strange = members.members.first(where: { !Self.known.contains($0.key) }) {
      return ["\(place): the schema has “\(strange.key)”"]
    }
    if let reference = members["$ref"]?.string {
      let target = reference.split(separator: "/").dropFirst().reduce(document as JSONValue?) { $0?[String($1)] }
      return target.map { mistakes(value, $0, at: place) } ?? ["\(place): \(reference) is nowhere"]
    }
    if let choices = members["anyOf"]?.array {
      let all = choices.map { mistakes(value, $0, at: place) }
      return all.contains([]) ? [] : Array(all.joined())
    }
    if let type = members["type"], !(type.array ?? [type]).contains(where: { Self.isOf($0.string ?? "", value) }) {
      return ["\(place): \(value.text.prefix(80)) is not \(type.text)"]
    }
    if let choices = members["enum"]?.array, !choices.contains(value) {
      return ["\(place): \(value.text) is no choice"]
    }
    if members["format"] == "date-time", value.string?.firstMatch(of: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/) == nil {
      return ["\(place): \(value.text) is no time"]
    }
    let ofElements = (value.array ?? []).enumerated().flatMap { index, element in
      members["items"].map { mistakes(element, $0, at: "\(place)[\(index)]") } ?? []
    }
    return ofElements + (value.object.map { self.mistakes($0, members, place) } ?? [])
  }

  private func mistakes(_ object: JSONObject, _ schema: JSONObject, _ place: String) -> [String] {
    let missing = (schema["required"]?.array ?? []).compactMap(\.string).filter { object[$0] == nil }
    let ofMembers = object.members.flatMap { member -> [String] in
      let place = "\(place).\(member.key)"
      if let known = schema["properties"]?[member.key] { return mistakes(member.value, known, at: place) }
      switch schema["additionalProperties"] {
      case .bool(false)?: return ["\(place) is not in the document"]
      case .object(let rest)?: return mistakes(member.value, .object(rest), at: place)
      default: return []
      }
    }
    return missing.map { "\(place).\($0) is missing" } + ofMembers
  }

  private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
    switch (type, value) {
    case ("string", .string), ("integer", .integer), ("boolean", .bool), ("array", .array), ("object", .object),
      ("null", .null), ("number", .number), ("number", .integer):
      true
    default: false
    }
  }
}
