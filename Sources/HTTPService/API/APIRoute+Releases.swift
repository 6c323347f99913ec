import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// Releases: promotions to environments, and the way back.
extension APIRoute {
  private static let imageSchema = APISchema.object([
    .init("repository", .string, "The repository.", isRequired: true),
    .init("from", .nullable(.string), "What ran; null: nothing."),
    .init("to", .nullable(.string), "What runs from then on; null: nothing."),
    .init("source", .string, "As it was asked for.", isRequired: true),
  ])

  private static let warningSchema = APISchema.object([
    .init("rule", .string, "What it is about: severity, secret, unscanned.", isRequired: true),
    .init("image", .string, "As it was asked for.", isRequired: true),
    .init("message", .string, "What is wrong with it.", isRequired: true),
  ])

  private static let releaseSchema = APISchema.object([
    .init("number", .integer, "Its number.", isRequired: true),
    .init("kind", .choice(["promotion", "rollback"]), "What it is.", isRequired: true),
    .init("state", .choice(ReleaseRecord.State.allCases.map(\.rawValue)), "How it stands.", isRequired: true),
    .init("effective", .nullable(.integer), "The promotion whose state is in force after it."),
    .init("goal", .nullable(.integer), "Of a rollback: the release that it goes back to."),
    .init("requestedBy", .string, "Who asked for it.", isRequired: true),
    .init("requestedAt", .moment, "When.", isRequired: true),
    .init("endedAt", .nullable(.moment), "When it was carried out, rejected or cancelled."),
    .init("reason", .nullable(.string), "Why."),
    .init("requestID", .string, "The request, as in the log.", isRequired: true),
    .init("images", .list(imageSchema), "What it changes, as far as one may pull it.", isRequired: true),
    .init(
      "approvals",
      .list(
        .object([
          .init("by", .string, "Who.", isRequired: true), .init("comment", .nullable(.string), "What they said."),
          .init("at", .moment, "When.", isRequired: true),
        ])), "Who agreed.", isRequired: true),
    .init("approvalsNeeded", .integer, "How many must agree.", isRequired: true),
    .init(
      "approvalsCounted", .nullable(.integer),
      "How many have, as they count now: not who has lost the right since, a robot and who made it as one; null once it has ended.",
      isRequired: true),
    .init("warnings", .list(warningSchema), "What policies warn of in its images.", isRequired: true),
  ])

  private static let outcomeSchema = APISchema.object([
    .init(
      "outcome", .choice(["released", "pending", "unchanged", "planned"]),
      "`pending`: others must agree first. `unchanged`: it runs already. `planned`: a dry run.", isRequired: true),
    .init("release", .nullable(releaseSchema), "The release."),
    .init("images", .list(imageSchema), "What it changes.", isRequired: true),
    .init("warnings", .list(warningSchema), "What policies warn of in its images.", isRequired: true),
  ])

  private static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

  private static func view(_ image: ReleaseImage) -> JSONValue {
    [
      "repository": .string(image.repository.name.text), "from": text(image.from?.description),
      "to": text(image.to?.description), "source": .string(image.source),
    ]
  }

  private static func view(_ state: ReleaseState) -> JSONValue {
    let release = state.release
    return [
      "number": .integer(release.number), "kind": .string(release.kind.rawValue),
      "state": .string(release.state.rawValue), "effective": release.effective.map { .integer($0) } ?? .null,
      "goal": release.goal.map { .integer($0) } ?? .null, "requestedBy": .string(release.requestedBy),
      "requestedAt": .string(release.requestedAt.description), "endedAt": text(release.endedAt?.description),
      "reason": text(release.reason), "requestID": .string(release.requestID),
      "images": .array(state.images.map(view)),
      "approvals": .array(
        state.approvals.map { approval in
          ["by": .string(approval.actor), "comment": text(approval.comment), "at": .string(approval.at.description)]
        }), "approvalsNeeded": .integer(Int64(state.approvalsNeeded)),
      "approvalsCounted": state.approvalsCounted.map { .integer(Int64($0)) } ?? .null,
      "warnings": .array(release.warnings.map(\.json)),
    ]
  }

  private static func view(_ outcome: ReleaseOutcome) -> JSONValue {
    switch outcome {
    case .released(let state):
      let word = state.release.state == .pending ? "pending" : "released"
      return [
        "outcome": .string(word), "release": view(state), "images": .array(state.images.map(view)),
        "warnings": .array(state.release.warnings.map(\.json)),
      ]
    case .unchanged: return ["outcome": "unchanged", "release": nil, "images": [], "warnings": []]
    case .planned(let images, let warnings):
      return [
        "outcome": "planned", "release": nil, "images": .array(images.map(view)),
        "warnings": .array(warnings.map(\.json)),
      ]
    }
  }

  private static func key(_ call: APICall) throws -> String? {
    guard let key = call.request.header("idempotency-key"), !key.isEmpty else { return nil }
    guard key.utf8.count <= ReleaseWish.keyLimitBytes else {
      throw AdministrationError(.invalid, "an idempotency key has at most \(ReleaseWish.keyLimitBytes) bytes")
    }
    return key
  }

  private static func images(_ call: APICall) throws -> [ImageReference] {
    let texts = call.body["images"]?.array?.compactMap(\.string) ?? []
    guard !texts.isEmpty, texts.count == call.body["images"]?.array?.count, texts.count <= ReleaseWish.imageLimit else {
      throw AdministrationError(
        .invalid, "“images” is a list of 1 to \(ReleaseWish.imageLimit) images, such as acme/api:2.3; or name “from”")
    }
    return try texts.map { text in
      do throws(ParseError) { return try ImageReference(parsing: text) } catch {
        throw AdministrationError(.invalid, error.message)
      }
    }
  }

  private static func number(_ call: APICall) throws -> Int64 {
    guard let number = Int64(call.value("release")) else {
      throw AdministrationError(.notFound, "a release is named by its number")
    }
    return number
  }

  private static let idempotencyKey = Parameter(
    name: "Idempotency-Key", description: "Makes repeating safe: the same key is the same release.")

  private static let promoters = "its maintainers, or who the environment names as promoters"

  static let releases: [APIRoute] = [
    APIRoute(
      method: .POST, path: environmentPath + "/{environment}/promotions",
      summary: "Promote images as one release: all or none.", permission: promoters, headers: [idempotencyKey],
      body: [
        .init("images", .list(.string), "Images: `acme/api:2.3`, `acme/api@sha256:…`."),
        .init("from", .string, "Or all that this environment runs."), .init("reason", .string, "Why."),
        .init("dryRun", .boolean, "Only tell what would be done."),
      ], answer: outcomeSchema
    ) { routes, call in
      let content: ReleaseWish.Content
      if let from = try call.text("from") {
        guard call.body["images"] == nil else { throw AdministrationError(.invalid, "name one of “images” and “from”") }
        do throws(ParseError) { content = .environment(try Tag(parsing: from)) } catch {
          throw AdministrationError(.invalid, error.message)
        }
      } else {
        content = .images(try images(call))
      }
      let wish = ReleaseWish(
        content, reason: try call.reason(), key: try key(call), isDryRun: try call.bool("dryRun") ?? false)
      return view(try await routes.registry.release(wish, to: environmentName(call), by: actor(routes, call)))
    },
    APIRoute(
      method: .POST, path: environmentPath + "/{environment}/rollback",
      summary: "Go back to what ran before the release that is in force, or after a named one.", permission: promoters,
      headers: [idempotencyKey],
      body: [
        .init("release", .integer, "The release to go back to. The one before unless given."),
        .init("reason", .string, "Why."), .init("dryRun", .boolean, "Only tell what would be done."),
      ], answer: outcomeSchema
    ) { routes, call in
      let wish = ReleaseWish(
        .rollback(to: try call.integer("release")), reason: try call.reason(), key: try key(call),
        isDryRun: try call.bool("dryRun") ?? false)
      return view(try await routes.registry.release(wish, to: environmentName(call), by: actor(routes, call)))
    },
    APIRoute(
      method: .GET, path: environmentPath + "/{environment}/releases", summary: "Releases, the newest first.",
      permission: "everybody who has a role in the namespace", query: paging, answer: .page(releaseSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let cursor = try call.numericCursor()
      let found = try await routes.registry.releases(
        of: environmentName(call), before: cursor == 0 ? nil : cursor, limit: size + 1, by: actor(routes, call))
      return call.page(found, size, next: { String($0.release.number) }, view)
    },
    APIRoute(
      method: .GET, path: environmentPath + "/{environment}/releases/{release}", summary: "One release.",
      permission: "everybody who has a role in the namespace", answer: releaseSchema
    ) { routes, call in
      view(try await routes.registry.release(number(call), of: environmentName(call), by: actor(routes, call)))
    },
    APIRoute(
      method: .POST, path: environmentPath + "/{environment}/releases/{release}/approve",
      summary: "Agree to a release; who completes the number carries it out.",
      permission: "people who are its maintainers, or who the environment names as approvers; not who asked for it",
      body: [.init("comment", .string, "What there is to say.")], answer: releaseSchema
    ) { routes, call in
      let comment = try call.text("comment")
      guard (comment?.utf8.count ?? 0) <= TagCause.reasonLimitBytes else {
        throw AdministrationError(.invalid, "a comment has at most \(TagCause.reasonLimitBytes) bytes")
      }
      return view(
        try await routes.registry.approve(
          number(call), of: environmentName(call), comment: comment, by: actor(routes, call)))
    },
    APIRoute(
      method: .POST, path: environmentPath + "/{environment}/releases/{release}/withdraw",
      summary: "Take back that one agrees to a release that waits.", permission: "who agreed, for themselves", body: [],
      answer: releaseSchema
    ) { routes, call in
      view(try await routes.registry.withdrawApproval(number(call), of: environmentName(call), by: actor(routes, call)))
    },
    APIRoute(
      method: .POST, path: environmentPath + "/{environment}/releases/{release}/end",
      summary: "End a release that waits: who asked for it cancels it, who could agree rejects it.",
      permission: "who asked for it, and who may agree", body: [], answer: releaseSchema
    ) { routes, call in
      view(try await routes.registry.endRelease(number(call), of: environmentName(call), by: actor(routes, call)))
    },
  ]
}
