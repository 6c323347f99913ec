import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// What a policy would have done, told before it is set.
extension APIRoute {
  private static let daysLimit: Int64 = 90
  /// Of an image's pullers so many are named.
  private static let actorLimit = 50

  private static let reasonSchema = APISchema.object([
    .init(
      "rule", .string, "What it is about: severity, exploited, epss, unscanned, end-of-life, secret.", isRequired: true),
    .init("message", .string, "What is wrong with the image, and what would help.", isRequired: true),
  ])

  private static let rehearsedSchema = APISchema.object([
    .init("event", .choice(["pull", "promotion"]), "What was done.", isRequired: true),
    .init("repository", .string, "The repository.", isRequired: true),
    .init("digest", .string, "The image.", isRequired: true),
    .init("tags", .list(.string), "Tags that point to it now.", isRequired: true),
    .init("pulls", .nullable(.integer), "Of a pull: how many since it was pushed.", isRequired: true),
    .init(
      "recorded", .nullable(.integer),
      "Of a pull: how many of the last days the audit log tells of; null where it tells of none, as of what everybody may pull, and to those who may not read it.",
      isRequired: true),
    .init(
      "actors", .nullable(.list(.string)),
      "Who pulled it then, at most \(actorLimit); null to those who may not read the audit log of the namespace.",
      isRequired: true),
    .init("environment", .nullable(.string), "Of a promotion: where to.", isRequired: true),
    .init("release", .nullable(.integer), "Of a promotion: the release.", isRequired: true),
    .init("at", .moment, "When; of pulls the last one.", isRequired: true),
    .init("blocks", .list(reasonSchema), "Why it would have been refused.", isRequired: true),
    .init("warnings", .list(reasonSchema), "What it would have been given out with.", isRequired: true),
  ])

  private static func view(_ reason: PolicyReason) -> JSONValue {
    ["rule": .string(reason.rule), "message": .string(reason.message)]
  }

  /// - Parameter withAudit: tell what the audit log has.
  private static func view(_ image: RehearsedImage, withAudit: Bool) -> JSONValue {
    var object: JSONObject = [
      "repository": .string(image.repository.text), "digest": .string(image.digest.description),
      "tags": .array(image.tags.map { .string($0.text) }), "blocks": .array(image.verdict.blocks.map(view)),
      "warnings": .array(image.verdict.warnings.map(view)),
    ]
    let (kind, pulls, environment, release, at): (JSONValue, JSONValue, JSONValue, JSONValue, Timestamp)
    switch image.event {
    case .pull(let count, let lastAt, let recorded):
      let actors = (recorded?.actors ?? []).sorted().prefix(actorLimit)
      object.append("recorded", withAudit ? recorded.map { .integer($0.count) } ?? .null : .null)
      object.append("actors", withAudit ? .array(actors.map { .string($0) }) : .null)
      (kind, pulls, environment, release, at) = ("pull", .integer(count), nil, nil, lastAt)
    case .promotion(let name, let number, let moment):
      object.append("recorded", .null)
      object.append("actors", withAudit ? [] : .null)
      (kind, pulls, environment, release, at) = ("promotion", nil, .string(name.text), .integer(number), moment)
    }
    for (name, value) in [
      ("event", kind), ("pulls", pulls), ("environment", environment), ("release", release),
      ("at", .string(at.description)),
    ] { object.append(name, value) }
    return .object(object)
  }

  /// The policy that is given; else the one that is set.
  private static func policy(
    _ routes: RegistryRoutes, _ call: APICall, _ namespace: String, _ environment: Tag?, _ pattern: RepositoryPattern?
  ) async throws -> FindingPolicy {
    if let given = call.body["policy"], !given.isNull {
      do throws(ParseError) {
        return try environment == nil ? FindingPolicy(json: given) : FindingPolicy(ofEnvironment: given)
      } catch {
        throw AdministrationError(.invalid, error.message)
      }
    }
    guard
      let set = try await routes.registry.setPolicy(of: namespace, on: pattern ?? .everything, environment: environment)
    else {
      throw AdministrationError(.invalid, "there is no policy yet: say in “policy” which one is to be tried")
    }
    return set
  }

  static let policies: [APIRoute] = [
    APIRoute(
      method: .POST, path: "/api/v1/namespaces/{namespace}/policy/dry-run",
      summary:
        "What a policy would have refused of the pulls and promotions of the last days, by what is known now. An image counts once, by its last pull, with who pulled it as far as the audit log tells and the caller may read that.",
      permission: whoMaySee,
      body: [
        .init("policy", .nullable(.any), "The policy that is tried. The one that is set unless given."),
        .init("pattern", .string, "Only these repositories: `acme/api`, `acme/web-*`. All unless given."),
        .init(
          "environment", .string,
          "Only promotions to this environment and pulls of what it runs, by a policy of its own."),
        .init("days", .integer, "How far to look back, at most \(daysLimit). 7 unless given."),
      ],
      answer: .object([
        .init("pulls", .integer, "Images that were pulled and looked at.", isRequired: true),
        .init("promotions", .integer, "Images of releases that were looked at.", isRequired: true),
        .init("refused", .integer, "How many of both would have been refused.", isRequired: true),
        .init("partial", .boolean, "Only the latest were looked at: there were too many.", isRequired: true),
        .init("images", .list(rehearsedSchema), "Those that would have been refused or warned of.", isRequired: true),
      ])
    ) { routes, call in
      let namespace = call.value("namespace")
      try await routes.access.administration.checkLifecycle(of: namespace, by: call.caller)
      let days = try call.integer("days") ?? 7
      guard (1...daysLimit).contains(days) else {
        throw AdministrationError(.invalid, "“days” is a number from 1 to \(daysLimit)")
      }
      var environment: Tag?
      if let text = try call.text("environment") {
        do throws(ParseError) { environment = try Tag(parsing: text) } catch {
          throw AdministrationError(.invalid, error.message)
        }
      }
      let pattern = try call.text("pattern").map { try Administration.pattern($0, in: namespace) }
      let readable = try await routes.access.administration.auditBegin(of: namespace, by: call.caller)
      let rehearsal = try await routes.registry.rehearse(
        policy(routes, call, namespace, environment, pattern), on: pattern, environment: environment, of: namespace,
        since: routes.registry.database.now - .seconds(days * 86_400), recordedSince: readable ?? .distantPast)
      return [
        "pulls": .integer(Int64(rehearsal.pullCount)), "promotions": .integer(Int64(rehearsal.promotionCount)),
        "refused": .integer(Int64(rehearsal.images.filter { !$0.verdict.blocks.isEmpty }.count)),
        "partial": .bool(rehearsal.isPartial),
        "images": .array(rehearsal.images.map { view($0, withAudit: readable != nil) }),
      ]
    }
  ]
}
