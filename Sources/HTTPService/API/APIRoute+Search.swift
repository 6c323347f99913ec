import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// Images with their facts and labels, and the search for them.
extension APIRoute {
  private static let factFields: [APIField] = [
    .init("failure", .nullable(.string), "Why its configuration could not be read; it is tried again."),
    .init("builtAt", .nullable(.moment), "When it was built."),
    .init("version", .nullable(.string), "The version that it names."),
    .init("revision", .nullable(.string), "Of the source."),
    .init("source", .nullable(.string), "Where the source is."),
    .init("title", .nullable(.string), "Its title."), .init("licenses", .nullable(.string), "Its licenses."),
    .init("baseName", .nullable(.string), "The image that it is built on."),
    .init("baseDigest", .nullable(.string), "That image's digest."),
    .init("platforms", .list(.string), "What it runs on.", isRequired: true),
    .init("size", .nullable(.integer), "Configuration and layers in bytes; of an index the sum of its images."),
    .init("layers", .nullable(.integer), "How many; of an index the most of an image."),
    .init("labels", .map(.string), "Labels and annotations that it brings along.", isRequired: true),
  ]

  private static let factSchema = APISchema.object(factFields)

  private static func view(_ facts: ImageFacts?) -> JSONValue {
    guard let facts else { return .null }
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return [
      "failure": text(facts.failure), "builtAt": text(facts.builtAt?.description), "version": text(facts.version),
      "revision": text(facts.revision), "source": text(facts.source), "title": text(facts.title),
      "licenses": text(facts.licenses), "baseName": text(facts.baseName), "baseDigest": text(facts.baseDigest),
      "platforms": .array(facts.platforms.map { .string($0) }),
      "size": facts.sizeBytes.map { .integer($0) } ?? .null,
      "layers": facts.layerCount.map { .integer(Int64($0)) } ?? .null, "labels": view(facts.labels),
    ]
  }

  private static func view(_ labels: [String: String]) -> JSONValue {
    .object(JSONObject(labels.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) }))
  }

  private static let foundSchema = APISchema.object([
    .init("repository", .string, "The repository.", isRequired: true),
    .init("tag", .nullable(.string), "The tag; null: no tag points to it."),
    .init("digest", .string, "What it points to.", isRequired: true),
    .init("mediaType", .string, "What that is.", isRequired: true),
    .init("pushedAt", .moment, "Since when.", isRequired: true),
    .init("by", .nullable(.string), "Who pointed it there."),
    .init("facts", .nullable(factSchema), "What the image says of itself; null until that is read."),
    .init("labels", .map(.string), "What people set.", isRequired: true),
  ])

  private static func view(_ image: FoundImage) -> JSONValue {
    [
      "repository": .string(image.repository.text), "tag": image.tag.map { .string($0.text) } ?? .null,
      "digest": .string(image.digest.description), "mediaType": .string(image.mediaType.text),
      "pushedAt": .string(image.pushedAt.description), "by": image.actor.map { .string($0) } ?? .null,
      "facts": view(image.facts), "labels": view(image.labels),
    ]
  }

  private static let labelSchema = APISchema.object([
    .init("target", .string, "The tag or the digest.", isRequired: true),
    .init("key", .string, "Its key.", isRequired: true), .init("value", .string, "Its value.", isRequired: true),
    .init("by", .string, "Who set it.", isRequired: true), .init("at", .moment, "When.", isRequired: true),
  ])

  private static func view(_ label: LabelRow) -> JSONValue {
    [
      "target": .string(label.target), "key": .string(label.key), "value": .string(label.value),
      "by": .string(label.setBy), "at": .string(label.setAt.description),
    ]
  }

  private static let labelEventSchema = APISchema.object([
    .init("id", .integer, "Its number.", isRequired: true), .init("key", .string, "The label.", isRequired: true),
    .init("from", .nullable(.string), "Its value before."), .init("to", .nullable(.string), "Its value from then on."),
    .init("by", .string, "Who.", isRequired: true), .init("reason", .nullable(.string), "Why."),
    .init("requestID", .nullable(.string), "The request, as in the log."),
    .init("at", .moment, "When.", isRequired: true),
  ])

  private static func view(_ event: LabelEvent) -> JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return [
      "id": .integer(event.id), "key": .string(event.key), "from": text(event.from), "to": text(event.to),
      "by": .string(event.actor), "reason": text(event.reason), "requestID": text(event.requestID),
      "at": .string(event.at.description),
    ]
  }

  private static let detailSchema = APISchema.object([
    .init("repository", .string, "The repository.", isRequired: true),
    .init("tag", .nullable(.string), "The tag that was asked for."),
    .init("digest", .string, "Its digest.", isRequired: true),
    .init("mediaType", .string, "What it is.", isRequired: true),
    .init("facts", .nullable(factSchema), "What it says of itself; null until that is read."),
    .init("labels", .list(labelSchema), "What people set on the digest and on the tag.", isRequired: true),
    .init(
      "images",
      .list(
        .object([
          .init("digest", .string, "Its digest.", isRequired: true),
          .init("mediaType", .string, "What it is.", isRequired: true),
          .init("facts", .nullable(factSchema), "What it says of itself."),
        ])), "The images of an index.", isRequired: true),
  ])

  private static func view(_ image: ImageDetails) -> JSONValue {
    [
      "repository": .string(image.repository.text), "tag": image.tag.map { .string($0.text) } ?? .null,
      "digest": .string(image.digest.description), "mediaType": .string(image.mediaType.text),
      "facts": view(image.facts), "labels": .array(image.labels.map { view($0) }),
      "images": .array(
        image.images.map { child in
          [
            "digest": .string(child.descriptor.digest.description),
            "mediaType": .string(child.descriptor.mediaType.text), "facts": view(child.facts),
          ]
        }),
    ]
  }

  private static let mayPull = "everybody who may pull from the repository"
  private static let target = Parameter(name: "target", description: "The tag or the digest.", isRequired: true)

  static let search: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/search",
      summary: "Search for images, in those repositories that one may pull from. A page may be short and not the last.",
      permission: "everybody who has logged in",
      query: [
        .init(
          name: "q",
          description:
            "What to search for: see docs/versions.md; everything unless given. A space is `%20`; a `+` is itself.")
      ] + paging,
      answer: .page(foundSchema)
    ) { routes, call in
      let size = try call.pageSize()
      let query: SearchQuery
      do throws(SearchError) {
        query = try SearchQuery(parsing: call.query.first("q") ?? "", now: routes.registry.database.now)
      } catch {
        throw AdministrationError(.invalid, error.description)
      }
      let position = try call.searchPosition(query.sort)
      let permit = try await routes.access.policy.cataloguePermit(for: call.caller)
      let found: FoundImages
      do {
        found = try await routes.registry.search(query, after: position, limit: size, permit: permit)
      } catch let error as SearchTooWide {
        throw AdministrationError(
          .invalid,
          "too many images to sort them by \(error.sort.rawValue); narrow the query, for example by repo: or label:")
      }
      var body: JSONObject = ["items": .array(found.images.map { view($0) })]
      if let next = found.next { body.append("next", .string(next.cursor(query.sort))) }
      return .object(body)
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/images/{reference}",
      summary: "All facts and labels of an image, by tag or digest.", permission: mayPull, answer: detailSchema
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      return view(try await routes.registry.details(of: APICall.reference(call.value("reference")), permit: permit))
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/labels", summary: "The labels of a tag or a digest.",
      permission: mayPull, query: [target], answer: .list(labelSchema)
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      return .array(try await routes.registry.labels(of: call.labelTarget(), permit: permit).map { view($0) })
    },
    APIRoute(
      method: .PUT, path: "/api/v1/repositories/{repository}/-/labels",
      summary: "Set labels on a tag or a digest, or take them away. Others stay.",
      permission: "everybody who may push to the repository",
      body: [
        .init("target", .string, "The tag or the digest.", isRequired: true),
        .init("set", .map(.nullable(.string)), "Values by key; null takes a label away.", isRequired: true),
        .init("reason", .string, "Why."),
      ], answer: .list(labelSchema)
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Push.self, on: call.repository(), for: call.caller)
      let target = LabelTarget(try APICall.reference(call.requiredText("target")))
      guard let members = call.body["set"]?.object else {
        throw AdministrationError(.invalid, "“set” must be an object")
      }
      if let key = members.duplicateKey { throw AdministrationError(.invalid, "“\(key.prefix(80))” is there twice") }
      var changes: [String: String?] = [:]
      for member in members.members {
        guard member.value.isNull || member.value.string != nil else {
          throw AdministrationError(.invalid, "the value of “\(member.key.prefix(80))” must be a text or null")
        }
        changes.updateValue(member.value.string, forKey: member.key)
      }
      return .array(
        try await routes.registry.setLabels(changes, on: target, reason: call.reason(), permit: permit).map { view($0) }
      )
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/labels/history",
      summary: "How the labels of a tag or a digest were changed, the newest first.", permission: mayPull,
      query: [target] + paging, answer: .page(labelEventSchema)
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      let size = try call.pageSize()
      let found = try await routes.registry.labelHistory(
        of: call.labelTarget(), before: call.numericCursor(), limit: size + 1, permit: permit)
      return call.page(found, size, next: { String($0.id) }, view)
    },
  ]
}

extension APICall {
  static func reference(_ text: String) throws -> Reference {
    do throws(ParseError) {
      return text.contains(":") ? .digest(try Digest(parsing: text)) : .tag(try Tag(parsing: text))
    } catch {
      throw AdministrationError(.invalid, error.message)
    }
  }

  fileprivate func labelTarget() throws -> LabelTarget {
    guard let text = query.first("target") else {
      throw AdministrationError(.invalid, "name a target: a tag or a digest")
    }
    return LabelTarget(try Self.reference(text))
  }

  /// Where the page before ended.
  fileprivate func searchPosition(_ sort: SearchSort) throws -> SearchPosition? {
    if cursor.isEmpty { return nil }
    guard let position = SearchPosition(cursor: cursor, sort) else {
      throw AdministrationError(.invalid, "this is no cursor of this query")
    }
    return position
  }
}

extension SearchSort {
  fileprivate var name: String { (isDescending ? "-" : "") + key.rawValue }
}

extension SearchPosition {
  fileprivate func cursor(_ sort: SearchSort) -> String {
    let key: JSONValue =
      switch self.key {
      case .number(let number): .integer(number)
      case .text(let text): .string(text)
      }
    return Base64.encode(JSONValue.array([.string(sort.name), key, .integer(repository), .string(entry)]).bytes)
  }

  fileprivate init?(cursor: String, _ sort: SearchSort) {
    guard let bytes = Base64.decode(cursor), let parts = bytes.withUnsafeBytes({ try? JSONValue.parse($0) })?.array,
      parts.count == 4, parts[0].string == sort.name, let repository = parts[2].integer, let entry = parts[3].string,
      // What no name has, no database is asked about.
      (entry + (parts[1].string ?? "")).utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    switch (sort.key, parts[1]) {
    case (.pushed, .integer(let number)), (.built, .integer(let number)), (.size, .integer(let number)):
      self.init(key: .number(number), repository: repository, entry: entry)
    case (.name, .string(let text)), (.version, .string(let text)):
      self.init(key: .text(text), repository: repository, entry: entry)
    default: return nil
    }
  }
}
