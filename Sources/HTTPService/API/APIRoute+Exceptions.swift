import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// Risks that a namespace takes until a day.
extension APIRoute {
  private static let exceptionFields: [APIField] = [
    .init("id", .integer, "Its number.", isRequired: true),
    .init("pattern", .nullable(.string), "Of repositories; null: all of the namespace.", isRequired: true),
    .init("vulnerability", .nullable(.string), "Null: any.", isRequired: true),
    .init("package", .nullable(.string), "Its name, or that of its source; null: any.", isRequired: true),
    .init(
      "image", .nullable(.string), "A tag, for what it points to when it is judged, or a digest; null: any.",
      isRequired: true),
    .init(
      "rule", .nullable(.choice(FindingException.Rule.allCases.map(\.rawValue))),
      "What of a policy it is about; null: findings.", isRequired: true),
    .init("reason", .string, "Why.", isRequired: true), .init("by", .string, "Who.", isRequired: true),
    .init("at", .moment, "Since when.", isRequired: true), .init("until", .moment, "Until when.", isRequired: true),
    .init("endedBy", .nullable(.string), "Who ended it before its day.", isRequired: true),
    .init(
      "state", .choice(["in-force", "expiring", "expired", "ended"]),
      "Whether it counts; expiring: within a week not any more.", isRequired: true),
  ]
  private static let exceptionSchema = APISchema.object(exceptionFields)

  private static func view(_ exception: FindingException, now: Timestamp) -> JSONValue {
    func filled(_ text: String) -> JSONValue { text.isEmpty ? .null : .string(text) }
    let state =
      exception.endedAt != nil
      ? "ended" : exception.expiresAt <= now ? "expired" : exception.isExpiring(at: now) ? "expiring" : "in-force"
    return [
      "id": .integer(exception.id), "pattern": filled(exception.pattern),
      "vulnerability": filled(exception.vulnerability), "package": filled(exception.package),
      "image": filled(exception.image), "rule": filled(exception.rule),
      "reason": .string(exception.reason), "by": .string(exception.createdBy),
      "at": .string(exception.createdAt.description), "until": .string(exception.expiresAt.description),
      "endedBy": exception.endedBy.map { .string($0) } ?? .null, "state": .string(state),
    ]
  }

  static let exceptions: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/exceptions",
      summary: "Risks that are taken, the newest first, also those whose time is over.",
      permission: "its readers, site auditors", query: paging, answer: .page(exceptionSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.exceptions(
        of: call.value("namespace"), before: call.numericCursor(), limit: size + 1, by: call.caller)
      let now = routes.registry.database.now
      return call.page(found, size, next: { String($0.id) }) { view($0, now: now) }
    },
    APIRoute(
      method: .POST, path: "/api/v1/namespaces/{namespace}/exceptions",
      summary: "Take a risk: findings, or what else a policy asks, do not count until a day.", permission: "its owners",
      body: [
        .init("vulnerability", .string, "Any name of it, such as `CVE-2024-3094`. Any unless given."),
        .init("package", .string, "The name of a package. Any unless given."),
        .init("pattern", .string, "Only in these repositories: `acme/api`, `acme/web-*`. All unless given."),
        .init(
          "image", .string,
          "Only of this image: `acme/api:1.2`, for what the tag points to when it is judged, or `acme/api@sha256:…`. Alone: all its findings."
        ),
        .init(
          "rule", .choice(FindingException.Rule.allCases.map(\.rawValue)),
          "What a policy asks beside findings; then it is about no vulnerability and no package."),
        .init("reason", .string, "Why.", isRequired: true),
        .init("until", .moment, "When it ends, at most 400 days from now.", isRequired: true),
      ],
      answer: .object(
        exceptionFields + [
          .init(
            "known", .boolean, "Whether an advisory has the vulnerability's name; true without one.", isRequired: true)
        ]), status: .created
    ) { routes, call in
      guard let expiry = Timestamp(parsing: try call.requiredText("until")) else {
        throw AdministrationError(.invalid, "“until” is a time such as 2026-12-31T00:00:00Z")
      }
      var (vulnerability, isKnown) = (try call.text("vulnerability"), true)
      if let typed = vulnerability {
        let name = try await routes.registry.knownVulnerability(typed)
        (vulnerability, isKnown) = (name ?? typed, name != nil)
      }
      let made = try await routes.access.administration.createException(
        of: call.value("namespace"), pattern: call.text("pattern"), vulnerability: vulnerability,
        package: call.text("package"), image: call.text("image"), rule: call.text("rule"),
        reason: call.requiredText("reason"), until: expiry, by: call.caller)
      var answer = view(made, now: routes.registry.database.now).object ?? [:]
      answer.append("known", .bool(isKnown))
      return .object(answer)
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/exceptions/{exception}",
      summary: "End an exception before its day.", permission: "its owners"
    ) { routes, call in
      guard let id = Int64(call.value("exception")) else {
        throw AdministrationError(.notFound, "an exception is named by its number")
      }
      try await routes.access.administration.endException(id, of: call.value("namespace"), by: call.caller)
      return nil
    },
  ]
}
