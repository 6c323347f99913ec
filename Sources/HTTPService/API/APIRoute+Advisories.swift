import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// Advisories, and questions to the whole registry.
extension APIRoute {
  private static let feedSchema = APISchema.object([
    .init("name", .string, "Its name.", isRequired: true), .init("kind", .string, "Its form.", isRequired: true),
    .init("records", .integer, "How many it has.", isRequired: true),
    .init("refreshedAt", .nullable(.moment), "When it was last taken.", isRequired: true),
    .init("triedAt", .nullable(.moment), "When that was last tried.", isRequired: true),
    .init("failure", .nullable(.string), "Why the last try did not succeed.", isRequired: true),
  ])

  private static let inspectionSchema = APISchema.object([
    .init(
      "layers",
      .object([
        .init("read", .integer, "Whose content is known.", isRequired: true),
        .init("waiting", .integer, "To be read.", isRequired: true),
        .init("failed", .integer, "Could not be read.", isRequired: true),
      ]), "Layers of images, each counted once.", isRequired: true),
    .init(
      "images",
      .object([
        .init("known", .integer, "With an inventory, or the reason why there is none.", isRequired: true),
        .init("waiting", .integer, "Whose layers are not read yet.", isRequired: true),
      ]), "Images of single platforms.", isRequired: true),
    .init("packages", .integer, "Versions of packages in all images.", isRequired: true),
    .init("findings", .integer, "What is wrong with them, each version counted once.", isRequired: true),
  ])

  private static let concernedSchema = APISchema.object([
    .init("repository", .string, "The repository.", isRequired: true),
    .init("digest", .string, "The image.", isRequired: true),
    .init("tags", .list(.string), "Tags of it, or of an index around it.", isRequired: true),
    .init("environments", .list(.string), "Where it runs.", isRequired: true),
    .init(
      "packages",
      .list(
        .object([
          .init("type", .string, "Of the package.", isRequired: true),
          .init("package", .string, "Its name.", isRequired: true),
          .init("version", .string, "Its version.", isRequired: true),
        ])), "What in it is asked for, at most \(AffectedImage.packageLimit).", isRequired: true),
  ])

  private static func view(_ image: AffectedImage) -> JSONValue {
    [
      "repository": .string(image.repository.text), "digest": .string(image.digest.description),
      "tags": .array(image.tags.map { .string($0) }), "environments": .array(image.environments.map { .string($0) }),
      "packages": .array(
        image.packages.map { package in
          [
            "type": .string(package.type), "package": .string(package.name), "version": .string(package.version),
          ]
        }),
    ]
  }

  private static let changeFields: [APIField] = [
    .init("id", .integer, "Its number.", isRequired: true), .init("at", .moment, "When.", isRequired: true),
    .init("kind", .choice(FindingEvent.Kind.allCases.map(\.rawValue)), "What changed.", isRequired: true),
    .init("advisory", .string, "By which advisory.", isRequired: true),
    .init("feed", .string, "From where.", isRequired: true),
    .init("type", .string, "Of the package.", isRequired: true),
    .init("package", .string, "Its name.", isRequired: true),
    .init("version", .string, "Its version.", isRequired: true),
    .init("severity", .string, "How bad.", isRequired: true),
    .init("before", .nullable(.string), "Of a change, how it was.", isRequired: true),
    .init("change", .nullable(.string), "Of a change, what is not as it was.", isRequired: true),
    .init(
      "imageList", .list(concernedSchema),
      "Images that hold the package now, the newest \(FindingEvent.imageLimit) of all or those of the namespace that may be seen, with tags and environments.",
      isRequired: true),
  ]

  /// - Parameter isOfAll: with what concerns all namespaces: how many images, and which environments.
  private static func view(_ event: FindingEvent, _ images: [AffectedImage], isOfAll: Bool = true) -> JSONObject {
    var object: JSONObject = [
      "id": .integer(event.id), "at": .string(event.at.description), "kind": .string(event.kind.rawValue),
      "advisory": .string(event.advisory), "feed": .string(event.feed), "type": .string(event.type),
      "package": .string(event.name), "version": .string(event.version), "severity": .string(event.severity),
      "before": event.detail.map { .string($0) } ?? .null, "change": event.change.map { .string($0) } ?? .null,
      "imageList": .array(images.map { view($0) }),
    ]
    guard isOfAll else { return object }
    object.append("images", .integer(event.imageCount))
    object.append("environments", .array(event.environments.map { .string($0) }))
    return object
  }

  static let advisories: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/advisories", summary: "Where advisories come from, and how old they are.",
      permission: "everybody with an account", answer: .list(feedSchema)
    ) { routes, call in
      try routes.access.administration.requireLogin(call.caller)
      return .array(
        try await routes.registry.advisoryFeeds().map { feed in
          [
            "name": .string(feed.name), "kind": .string(feed.kind), "records": .integer(feed.recordCount),
            "refreshedAt": feed.refreshedAt.map { .string($0.description) } ?? .null,
            "triedAt": feed.triedAt.map { .string($0.description) } ?? .null,
            "failure": feed.failure.map { .string($0) } ?? .null,
          ]
        })
    },
    APIRoute(
      method: .POST, path: "/api/v1/advisories/{feed}",
      summary: "Bring advisories in: the body has a record of OSV in each line (application/x-ndjson).",
      permission: "site admins",
      query: [
        .init(name: "records", description: "How many records the body has.", isRequired: true),
        .init(name: "whole", description: "`true`: what is known of the feed and is not in the body is taken away."),
        .init(
          name: "format",
          description: "`osv` unless given; `secdb`, `debian`, `csaf`, `kev`, `epss`: a document or line in each line."),
        .init(
          name: "kind", description: "What records of OSV were read from before, such as `debian`; `osv` unless given."),
        .init(
          name: "taken",
          description: "When they were taken from their source; now unless given. Older ones than are here are refused."
        ),
        .init(name: "older", description: "`true`: they may be older than those that are here."),
      ],
      answer: .object(
        [
          .init("records", .integer, "How many came.", isRequired: true),
          .init("changed", .integer, "How many are new or not as they were.", isRequired: true),
          .init("removed", .integer, "How many are gone.", isRequired: true),
        ] + differenceFields)
    ) { routes, call in try await importAdvisories(routes, call) },
    APIRoute(
      method: .DELETE, path: "/api/v1/advisories/{feed}",
      summary: "Take a feed away, with all that it has brought in. Answers when what it found is gone.",
      permission: "site admins",
      answer: .object(
        [
          .init("removed", .integer, "How many of its records are gone.", isRequired: true),
          .init(
            "configured", .boolean, "It stands in `inspection.feeds`: the next refresh brings it back.",
            isRequired: true),
        ] + differenceFields)
    ) { routes, call in try await removeFeed(routes, call) },
    APIRoute(
      method: .GET, path: "/api/v1/advisories/{feed}/records",
      summary: "What a feed has brought in, for another registry: records of OSV, of KEV or of EPSS.",
      permission: "site admins and auditors", query: paging, answer: .page(.any)
    ) { routes, call in
      try routes.access.administration.requireSiteReader(call.caller)
      let page = try await routes.registry.records(
        ofFeed: call.value("feed"), after: call.cursor, limit: call.pageSize())
      guard let page else { throw AdministrationError(.notFound, "there is no feed \(call.value("feed"))") }
      var body: JSONObject = ["items": .array(page.records)]
      if let next = page.next { body.append("next", .string(next)) }
      return .object(body)
    },
    APIRoute(
      method: .POST, path: "/api/v1/advisories/{feed}/refresh",
      summary: "Have a configured feed looked at within the next half minute.", permission: "site admins"
    ) { routes, call in
      try await refreshFeed(routes, call)
      return nil
    },
    APIRoute(
      method: .GET, path: "/api/v1/inspection", summary: "How far the registry knows its layers and images.",
      permission: "site admins and auditors", answer: inspectionSchema
    ) { routes, call in
      try routes.access.administration.requireSiteReader(call.caller)
      let counts = try await routes.registry.inspectionCounts()
      func part(_ members: [(String, Int)]) -> JSONValue {
        .object(JSONObject(members.map { .init(key: $0, value: .integer(Int64($1))) }))
      }
      return [
        "layers": part([
          ("read", counts.layersRead), ("waiting", counts.layersWaiting), ("failed", counts.layersFailed),
        ]), "images": part([("known", counts.imagesKnown), ("waiting", counts.imagesWaiting)]),
        "packages": .integer(Int64(counts.packages)), "findings": .integer(Int64(counts.findings)),
      ]
    },
    APIRoute(
      method: .POST, path: "/api/v1/inspection/rematch",
      summary: "Judge every package here by every advisory once more. Answers when it is done.",
      permission: "site admins",
      answer: .object(
        [.init("packages", .integer, "Versions of packages that were judged.", isRequired: true)] + differenceFields)
    ) { routes, call in
      try await routes.access.administration.beginRematch(by: call.caller)
      let report = try await routes.registry.rematch()
      return .object(
        JSONObject([.init(key: "packages", value: .integer(Int64(report.packageCount)))] + members(report.findings)))
    },
    APIRoute(
      method: .GET, path: "/api/v1/vulnerabilities/{vulnerability}/images",
      summary: "Images with a finding of a vulnerability, by any name of it, and where they run.",
      permission: "everybody with an account; of images that they may pull", query: paging,
      answer: .page(concernedSchema)
    ) { routes, call in
      try routes.access.administration.requireLogin(call.caller)
      let permit = try await routes.access.policy.cataloguePermit(for: call.caller)
      let named = call.value("vulnerability")
      guard let name = try await routes.registry.knownVulnerability(named) else {
        throw AdministrationError(.notFound, "no advisory of the name \(named.prefix(80)) is known")
      }
      let found = try await routes.registry.images(
        with: name, after: try position(call), limit: call.pageSize(), permit: permit)
      return view(found)
    },
    APIRoute(
      method: .GET, path: "/api/v1/packages/images",
      summary: "Images that hold a package, by its name or that of its source, and where they run.",
      permission: "everybody with an account; of images that they may pull",
      query: [
        .init(
          name: "package",
          description: "Its name, such as `xz-utils` or `@babel/traverse`, as its ecosystem spells it.",
          isRequired: true),
        .init(name: "below", description: "Only versions before this one."),
      ] + paging,
      answer: .page(concernedSchema)
    ) { routes, call in
      try routes.access.administration.requireLogin(call.caller)
      guard let package = call.query.first("package"), !package.isEmpty else {
        throw AdministrationError(.invalid, "name a package: package=xz-utils")
      }
      let permit = try await routes.access.policy.cataloguePermit(for: call.caller)
      let found = try await routes.registry.images(
        holding: package, below: call.query.first("below"), after: try position(call),
        limit: call.pageSize(), permit: permit)
      return view(found)
    },
    APIRoute(
      method: .GET, path: "/api/v1/advisories/changes",
      summary: "What advisories have changed in what is wrong with images, the newest first.",
      permission: "site admins and auditors",
      query: paging + [.init(name: "since", description: "Not before this time.")],
      answer: .page(
        .object(
          changeFields + [
            .init("images", .integer, "How many images held the package then.", isRequired: true),
            .init("environments", .list(.string), "What ran it then, namespace/name.", isRequired: true),
          ]))
    ) { routes, call in
      try routes.access.administration.requireSiteReader(call.caller)
      let size = try call.pageSize()
      let found = try await routes.registry.findingEvents(
        before: call.numericCursor(), since: call.moment("since"), limit: size + 1)
      let images = try await routes.registry.images(of: found)
      return call.page(found, size, next: { String($0.id) }) { .object(view($0, images[$0.packages] ?? [])) }
    },
    APIRoute(
      method: .GET, path: "/api/v1/namespaces/{namespace}/findings/changes",
      summary:
        "What advisories have changed in what is wrong with the namespace's images, the newest first. A page may be short.",
      permission: "everybody with an account; of images that they may pull",
      query: paging + [.init(name: "since", description: "Not before this time.")],
      answer: .page(
        .object(
          changeFields + [.init("repositories", .list(.string), "Those that have the package now.", isRequired: true)]))
    ) { routes, call in
      try await routes.access.administration.requireVisible(call.value("namespace"), to: call.caller)
      let permit = try await routes.access.policy.cataloguePermit(for: call.caller)
      let found = try await routes.registry.findingEvents(
        of: call.value("namespace"), before: call.numericCursor(), since: call.moment("since"), limit: call.pageSize(),
        permit: permit)
      let images = try await routes.registry.images(
        of: found.events.map(\.event), in: call.value("namespace"), permit: permit)
      let items = found.events.map { event, repositories -> JSONValue in
        // An event does not tell for which repository an environment runs the package, and so not who may see that.
        var object = view(event, images[event.packages] ?? [], isOfAll: false)
        object.append("repositories", .array(repositories.map { .string($0.text) }))
        return .object(object)
      }
      var body: JSONObject = ["items": .array(items)]
      if let next = found.next { body.append("next", .string(String(next))) }
      return .object(body)
    },
  ]

  private static func position(_ call: APICall) throws -> (repository: String, digest: String) {
    guard !call.cursor.isEmpty else { return ("", "") }
    guard let at = call.cursor.lastIndex(of: "@") else { throw AdministrationError(.invalid, "this is no cursor") }
    return (String(call.cursor[..<at]), String(call.cursor[call.cursor.index(after: at)...]))
  }

  private static func view(_ found: ConcernedImages) -> JSONValue {
    var body: JSONObject = ["items": .array(found.images.map { view($0) })]
    if let next = found.next { body.append("next", .string("\(next.repository)@\(next.digest)")) }
    return .object(body)
  }
}
