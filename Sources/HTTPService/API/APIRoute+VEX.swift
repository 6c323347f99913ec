import Access
import Ground
import Metadata
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// What vendors and teams say of vulnerabilities in products.
extension APIRoute {
  private static let vexSchema = APISchema.object([
    .init("document", .string, "Its name, or the digest of the manifest that is attached.", isRequired: true),
    .init("subject", .nullable(.string), "The image that it is attached to.", isRequired: true),
    .init(
      "repositories", .list(.string),
      "Those of the namespace that hold what is attached, at most \(VEXDocumentRow.repositoryLimit).", isRequired: true),
    .init("state", .choice(["read", "unreadable"]), "Whether it was read.", isRequired: true),
    .init("reason", .nullable(.string), "Why it cannot be read.", isRequired: true),
    .init("author", .string, "Who says it.", isRequired: true),
    .init("statements", .integer, "How much it says.", isRequired: true),
    .init("latestAt", .moment, "When the latest of it was said, or that it cannot be read.", isRequired: true),
  ])

  static let vex: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/vex",
      summary: "Documents that say which vulnerabilities do not count, uploaded or attached to images.",
      permission: "its readers, site auditors", query: paging, answer: .page(vexSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let found = try await routes.access.administration.vexDocuments(
        of: call.value("namespace"), after: call.cursor, limit: size + 1, by: call.caller)
      return call.page(found, size, next: \.document) { row in
        [
          "document": .string(row.document), "subject": row.subject.map { .string($0.description) } ?? .null,
          "repositories": .array(row.repositories.map { .string($0.text) }),
          "state": .string(row.failure == nil ? "read" : "unreadable"),
          "reason": row.failure.map { .string($0) } ?? .null,
          "author": .string(row.author), "statements": .integer(row.statementCount),
          "latestAt": .string(row.latestAt.description),
        ]
      }
    },
    APIRoute(
      method: .PUT, path: "/api/v1/namespaces/{namespace}/vex/{document}",
      summary: "Set a document: the body is OpenVEX 0.2 or CSAF 2.0 in JSON, of at most 32 MiB.",
      permission: "its owners",
      answer: .object([
        .init("statements", .integer, "How much it says of products that can be told.", isRequired: true)
      ])
    ) { routes, call in
      let (namespace, name) = (call.value("namespace"), call.value("document"))
      try await routes.access.administration.checkVEX(name, of: namespace, by: call.caller)
      guard let body = try await call.request.body.collect(limit: Registry.vexLimitBytes) else {
        throw AdministrationError(.invalid, "a document has at most \(Registry.vexLimitBytes) bytes")
      }
      let rows: [VEXRow]
      do throws(ParseError) { rows = try routes.registry.vexRows(Array(buffer: body), named: name) } catch {
        throw AdministrationError(.invalid, "the document cannot be read: \(error.message)")
      }
      guard !rows.isEmpty else {
        throw AdministrationError(.invalid, "the document is of no use: \(Registry.nothingSaid)")
      }
      try await routes.access.administration.setVEX(name, of: namespace, to: rows, by: call.caller)
      return ["statements": .integer(Int64(rows.count))]
    },
    APIRoute(
      method: .DELETE, path: "/api/v1/namespaces/{namespace}/vex/{document}",
      summary: "Take a document away: what it said does not count any more.", permission: "its owners"
    ) { routes, call in
      try await routes.access.administration.setVEX(
        call.value("document"), of: call.value("namespace"), to: [], by: call.caller)
      return nil
    },
  ]
}
