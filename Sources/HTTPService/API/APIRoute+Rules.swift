import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// What a namespace wants of its repositories.
extension APIRoute {
  private static let kinds = RepositoryRule.Kind.allCases.map(\.rawValue)

  private static func kind(_ call: APICall) throws -> RepositoryRule.Kind {
    guard let kind = RepositoryRule.Kind(rawValue: call.value("kind")) else {
      throw AdministrationError(
        .notFound, "there are no such rules; there are \(kinds.joined(separator: ", "))")
    }
    return kind
  }

  static let rules: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/rules",
      summary: "What the namespace wants of its repositories.",
      permission: "its readers, site auditors",
      answer: .list(
        .object([
          .init("kind", .choice(kinds), "What it is about.", isRequired: true),
          .init("pattern", .string, "Which repositories.", isRequired: true),
          .init("value", .any, "What it says; its shape is that of the kind.", isRequired: true),
          .init("changedBy", .string, "Who set it.", isRequired: true),
          .init("changedAt", .moment, "When.", isRequired: true),
        ]))
    ) { routes, call in
      let rules = try await routes.access.administration.rules(of: call.value("namespace"), by: call.caller)
      return .array(
        rules.map { rule in
          [
            "kind": .string(rule.kind.rawValue), "pattern": .string(rule.pattern.text),
            "value": (try? JSONValue.parse(rule.value)) ?? .null, "changedBy": .string(rule.changedBy),
            "changedAt": .string(rule.changedAt.description),
          ]
        })
    },
    APIRoute(
      method: .PUT, path: "/api/v1/namespaces/{namespace}/rules/{kind}",
      summary: "Set a rule, in place of the one of its kind on the same pattern.",
      permission: "its maintainers for retention and channels, its owners for immutable, history and policy",
      body: [
        .init("value", .any, "What it says; its shape is that of the kind.", isRequired: true),
        .init("pattern", .string, "Only in these repositories: `acme/api`, `acme/web-*`. All unless given."),
      ]
    ) { routes, call in
      let kind = try kind(call)
      guard let given = call.body["value"] else { throw AdministrationError(.invalid, "“value” is missing") }
      let value: JSONValue
      do throws(ParseError) { value = try RuleValue.validated(kind, given) } catch {
        throw AdministrationError(.invalid, error.message)
      }
      try await routes.access.administration.setRule(
        kind, on: call.text("pattern"), of: call.value("namespace"), to: value, by: call.caller)
      routes.registry.policiesChanged(of: call.value("namespace"))
      return nil
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/rules/{kind}", summary: "Take a rule away.",
      permission: "as for setting it",
      query: [.init(name: "pattern", description: "The pattern that it is on. All repositories unless given.")]
    ) { routes, call in
      try await routes.access.administration.deleteRule(
        kind(call), on: call.query.first("pattern"), of: call.value("namespace"), by: call.caller)
      routes.registry.policiesChanged(of: call.value("namespace"))
      return nil
    },
  ]
}
