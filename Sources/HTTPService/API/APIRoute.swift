import Access
import Ground
import NIOHTTP1
import OCI

/// One operation of the administration API: what the router takes, and what the OpenAPI document says of it.
struct APIRoute: Sendable {
  /// A parameter of the query, or a field of the header.
  struct Parameter: Sendable {
    let name: String
    let description: String
    var isRequired = false
    var schema: APISchema = .string
  }

  let method: HTTPMethod
  /// With names in braces for parts of the path: `/api/v1/users/{user}`.
  let path: String
  let summary: String
  /// Who may, in words.
  let permission: String
  var query: [Parameter] = []
  var headers: [Parameter] = []
  /// The members of the body; nil: it takes none.
  var body: [APIField]?
  /// What it answers with; nil: nothing but that it was done.
  var answer: APISchema?
  var status: HTTPResponseStatus = .ok
  let handle: @Sendable (RegistryRoutes, APICall) async throws -> JSONValue?

  /// The parts of the path, when it is this operation's.
  func values(_ segments: [Substring]) -> [String: String]? {
    let own = path.split(separator: "/")
    let segments = Self.joiningRepository(segments, own)
    guard own.count == segments.count else { return nil }
    var values: [String: String] = [:]
    for (part, segment) in zip(own, segments) {
      if part == "{repository}" {
        values["repository"] = String(segment)
      } else if part.hasPrefix("{") {
        guard let value = APICall.decoded(segment) else { return nil }
        values[String(part.dropFirst().dropLast())] = value
      } else if part != segment {
        return nil
      }
    }
    return values
  }

  /// What stands where a namespace's name is meant, in a path that begins as this operation's does up to there.
  func namespace(in segments: [Substring]) -> String? {
    let own = path.split(separator: "/")
    guard let place = own.firstIndex(of: "{namespace}"), place < segments.count, own[..<place] == segments[..<place]
    else { return nil }
    return PercentCoding.decoded(segments[place])
  }

  /// A repository's name has slashes, so it is followed by `-`, which no part of such a name can be:
  /// `/api/v1/repositories/acme/api/-/tags`. Its parts become one.
  private static func joiningRepository(_ segments: [Substring], _ own: [Substring]) -> [Substring] {
    guard let begin = own.firstIndex(of: "{repository}"), begin < segments.count,
      let end = segments.firstIndex(of: "-"),
      end > begin, zip(own[..<begin], segments).allSatisfy({ $0 == $1 })
    else { return segments }
    return segments[..<begin] + [Substring(segments[begin..<end].joined(separator: "/"))] + segments[end...]
  }

  /// What a page of a list is asked for with.
  static let paging = [
    Parameter(
      name: "n", description: "How many elements a page may hold, from 1 to 1000; 100 unless given.", schema: .integer),
    Parameter(name: "cursor", description: "The `next` of the page before."),
  ]
}

/// A member of a body.
struct APIField: Sendable {
  let name: String
  let schema: APISchema
  let description: String
  var isRequired = false
  /// Its text may hold any characters: a password, a file. All others are lines without control characters.
  var takesAnyText = false

  init(
    _ name: String, _ schema: APISchema, _ description: String, isRequired: Bool = false, takesAnyText: Bool = false
  ) {
    self.name = name
    self.schema = schema
    self.description = description
    self.isRequired = isRequired
    self.takesAnyText = takesAnyText
  }
}

/// The shape of a JSON value.
indirect enum APISchema: Sendable {
  case string, integer, boolean, moment
  /// Whatever JSON there is.
  case any
  case choice([String])
  case list(APISchema)
  /// Any names, all values of one shape.
  case map(APISchema)
  case object([APIField])
  case nullable(APISchema)
  /// A page: `items`, and `next` while there is another.
  case page(APISchema)

  var json: JSONValue {
    switch self {
    case .any: [:]
    case .string: ["type": "string"]
    case .integer: ["type": "integer"]
    case .boolean: ["type": "boolean"]
    case .moment: ["type": "string", "format": "date-time"]
    case .choice(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
    case .list(let element): ["type": "array", "items": element.json]
    case .map(let value): ["type": "object", "additionalProperties": value.json]
    case .nullable(let schema): ["anyOf": [schema.json, ["type": "null"]]]
    case .object(let fields): Self.object(fields)
    case .page(let element):
      [
        "type": "object", "required": ["items"],
        "properties": [
          "items": ["type": "array", "items": element.json],
          "next": ["type": "string", "description": "The cursor of the next page; absent on the last one."],
        ],
      ]
    }
  }

  private static func object(_ fields: [APIField]) -> JSONValue {
    let properties = fields.map { field -> JSONObject.Member in
      var schema = field.schema.json.object ?? JSONObject()
      schema.append("description", .string(field.description))
      return JSONObject.Member(key: field.name, value: .object(schema))
    }
    return [
      "type": "object", "required": .array(fields.filter(\.isRequired).map { .string($0.name) }),
      "properties": .object(JSONObject(properties)), "additionalProperties": false,
    ]
  }
}

/// A call of an operation.
struct APICall: Sendable {
  let request: Request
  let caller: Caller
  let values: [String: String]
  let query: Query
  let body: JSONObject

  func value(_ name: String) -> String { values[name] ?? "" }

  /// The repository that the path names.
  func repository() throws -> RepositoryName {
    do throws(ParseError) { return try RepositoryName(parsing: value("repository")) } catch {
      throw AdministrationError(.invalid, error.message)
    }
  }

  /// A moment that the query names.
  func moment(_ name: String) throws -> Timestamp? {
    guard let text = query.first(name) else { return nil }
    guard let moment = Timestamp(parsing: text) else {
      throw AdministrationError(.invalid, "\(name) is a time such as 2026-11-24T00:00:00Z")
    }
    return moment
  }

  /// The moment of which a state is asked for. What is shown to have happened at it has happened.
  func asOf() throws -> Timestamp? { try moment("asOf")?.endOfMillisecond }

  // MARK: The body

  private static func wrong(_ name: String, _ expected: String) -> AdministrationError {
    AdministrationError(.invalid, "“\(name)” must be \(expected)")
  }

  func text(_ name: String) throws -> String? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let text = value.string else { throw Self.wrong(name, "a text") }
    return text
  }

  func requiredText(_ name: String) throws -> String {
    guard let text = try text(name), !text.isEmpty else { throw AdministrationError(.invalid, "“\(name)” is missing") }
    return text
  }

  func bool(_ name: String) throws -> Bool? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let bool = value.bool else { throw Self.wrong(name, "true or false") }
    return bool
  }

  func integer(_ name: String) throws -> Int64? {
    guard let value = body[name], !value.isNull else { return nil }
    guard let integer = value.integer else { throw Self.wrong(name, "a whole number") }
    return integer
  }

  func isNull(_ name: String) -> Bool { body[name]?.isNull ?? false }

  // MARK: Pages

  static let usualPage = 100

  func pageSize() throws -> Int {
    guard let text = query.first("n") else { return Self.usualPage }
    guard let size = Int(text), (1...Administration.pageLimit).contains(size) else {
      throw AdministrationError(.invalid, "n must be a whole number from 1 to \(Administration.pageLimit)")
    }
    return size
  }

  var cursor: String { query.first("cursor") ?? "" }

  func numericCursor() throws -> Int64 {
    if cursor.isEmpty { return 0 }
    guard let number = Int64(cursor), number >= 0 else { throw AdministrationError(.invalid, "this is no cursor") }
    return number
  }

  /// One page of a list that was asked for one element more than it holds.
  func page<Element>(
    _ found: [Element], _ size: Int, next: (Element) -> String, _ view: (Element) -> JSONValue
  ) -> JSONValue {
    var body: JSONObject = ["items": .array(found.prefix(size).map(view))]
    if found.count > size, size > 0 { body.append("next", .string(next(found[size - 1]))) }
    return .object(body)
  }

  /// A part of a path without its escapes; nil when they are none, or hide a slash.
  static func decoded(_ segment: Substring) -> String? {
    guard let query = try? Query(parsing: "v=\(segment)"), let value = query.first("v"), query.parameters.count == 1,
      !value.isEmpty, !value.contains("/")
    else { return nil }
    return value
  }
}
