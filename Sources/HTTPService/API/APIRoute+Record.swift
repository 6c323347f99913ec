import Access
import Ground
import Metadata
import NIOHTTP1
import OCI

// Questions, keys, and the record of what was done.
extension APIRoute {
  private static let recordSchema = APISchema.object([
    .init("id", .integer, "Its number.", isRequired: true),
    .init("at", .moment, "When.", isRequired: true), .init("kind", .string, "What was done.", isRequired: true),
    .init("outcome", .choice(["done", "refused", "failed"]), "How it ended.", isRequired: true),
    .init("actor", .string, "Who.", isRequired: true), .init("credential", .string, "With what.", isRequired: true),
    .init("address", .string, "From where.", isRequired: true),
    .init("namespace", .nullable(.string), "In which namespace."),
    .init("target", .string, "On what.", isRequired: true),
    .init("detail", .map(.any), "What else there is to say."),
    .init("requestID", .string, "The request, as in the log.", isRequired: true),
    .init("position", .nullable(.integer), "Its place in the chain; null until it has joined."),
    .init("hash", .nullable(.string), "The link of the chain."),
  ])

  private static func view(_ record: AuditRecord) -> JSONValue {
    [
      "id": .integer(record.id), "at": .string(record.at.description), "kind": .string(record.kind),
      "outcome": .string(record.outcome), "actor": .string(record.actor), "credential": .string(record.credential),
      "address": .string(record.address), "namespace": record.namespace.map { .string($0) } ?? .null,
      "target": .string(record.target), "detail": (try? JSONValue.parse(record.detail)) ?? .null,
      "requestID": .string(record.requestID), "position": record.position.map { .integer($0) } ?? .null,
      "hash": record.chainHash.map { .string($0) } ?? .null,
    ]
  }

  private static func filter(_ call: APICall) throws -> AuditFilter {
    var filter = AuditFilter()
    filter.kind = call.query.first("kind")
    filter.actor = call.query.first("actor")
    filter.namespace = call.query.first("namespace")
    filter.outcome = call.query.first("outcome")
    filter.since = try call.moment("since")
    filter.until = try call.moment("until")
    return filter
  }

  static let record: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/access/explain",
      summary: "Which rule lets somebody do something, or that none does.",
      permission: "about oneself everybody; about others the namespace's owners, site admins and auditors",
      query: [
        .init(name: "account", description: "A user, a robot, or `anonymous`.", isRequired: true),
        .init(name: "repository", description: "The repository.", isRequired: true),
        .init(name: "action", description: "pull, push or delete.", isRequired: true),
      ],
      answer: .object([
        .init("allowed", .boolean, "Whether they may.", isRequired: true),
        .init("rule", .string, "What decided.", isRequired: true),
      ])
    ) { routes, call in
      guard let repository = call.query.first("repository").flatMap({ try? RepositoryName(parsing: $0) }),
        let action = call.query.first("action").flatMap({ Action(rawValue: $0) }),
        let account = call.query.first("account")
      else { throw AdministrationError(.invalid, "name account, repository, and action (pull, push or delete)") }
      let decision = try await routes.access.administration.explain(account, action, on: repository, by: call.caller)
      return ["allowed": .bool(decision.isAllowed), "rule": .string(decision.rule)]
    },
    APIRoute(
      method: .POST, path: "/api/v1/signing-keys/rotate",
      summary: "Sign tokens with a new key; those of the old one go on being good until they expire.",
      permission: "site admins", body: [],
      answer: .object([.init("key", .string, "The new key's id.", isRequired: true)])
    ) { routes, call in
      ["key": .string(try await routes.access.administration.rotateSigningKey(by: call.caller))]
    },
    APIRoute(
      method: .GET, path: "/api/v1/audit", summary: "The record of what was done.",
      permission: "site admins and auditors; with a namespace, its owners",
      query: paging + [
        .init(
          name: "order", description: "`newest` (unless given), or `chain`: in the order of the chain, to follow it."),
        .init(name: "kind", description: "Only these, such as `push`."),
        .init(name: "actor", description: "Only of this account."),
        .init(name: "namespace", description: "Only in this namespace."),
        .init(name: "outcome", description: "done, refused or failed."),
        .init(name: "since", description: "Not before this time.", schema: .moment),
        .init(name: "until", description: "Before this time.", schema: .moment),
      ], answer: .page(recordSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let administration = routes.access.administration
      guard call.query.first("order") == "chain" else {
        let found = try await administration.auditRecords(
          filter(call), after: call.numericCursor(), newestFirst: true, limit: size + 1, by: call.caller)
        return call.page(found, size, next: { String($0.id) }, view)
      }
      let (found, next) = try await administration.auditChain(
        filter(call), after: call.numericCursor(), limit: size, by: call.caller)
      // Who follows needs a cursor also at the end.
      return ["items": .array(found.map(view)), "next": .string(String(next))]
    },
    APIRoute(
      method: .GET, path: "/api/v1/audit/verify", summary: "Follow the chain of the record from its beginning.",
      permission: "site admins and auditors",
      query: [
        .init(name: "expect", description: "A link that was written down before: `position:hash`. May be repeated.")
      ],
      answer: .object([
        .init("whole", .boolean, "Whether the chain is as it was made.", isRequired: true),
        .init("problem", .nullable(.string), "What is wrong first."),
        .init("records", .integer, "Links that were looked at.", isRequired: true),
        .init("trimmed", .integer, "Links whose records retention removed.", isRequired: true),
        .init("first", .integer, "The first link.", isRequired: true),
        .init("last", .integer, "The last link.", isRequired: true),
        .init("hash", .string, "The last link's hash: write it down.", isRequired: true),
      ])
    ) { routes, call in
      var expected: [Int64: String] = [:]
      for text in call.query.all("expect") {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let position = Int64(parts[0]) else {
          throw AdministrationError(.invalid, "expect is a link such as 120:9f86d0…")
        }
        expected[position] = String(parts[1])
      }
      let found = try await routes.access.administration.verifyAudit(expected: expected, by: call.caller)
      return [
        "whole": .bool(found.problem == nil), "problem": found.problem.map { .string($0) } ?? .null,
        "records": .integer(Int64(found.recordCount)), "trimmed": .integer(Int64(found.trimmedCount)),
        "first": .integer(found.firstPosition), "last": .integer(found.lastPosition), "hash": .string(found.lastHash),
      ]
    },
  ]
}
