import Access
import NIOHTTP1
import OCI
import RegistryCore

// Comparing two images.
extension APIRoute {
  private static let named = APISchema.object([
    .init(
      "added", .list(.object([.init("name", .string, "Its name."), .init("value", .string, "Its value.")])), "New."),
    .init(
      "removed", .list(.object([.init("name", .string, "Its name."), .init("value", .string, "Its value.")])), "Gone."),
    .init(
      "changed",
      .list(
        .object([
          .init("name", .string, "Its name."), .init("from", .string, "As it was."), .init("to", .string, "As it is."),
        ])), "With another value."),
  ])
  private static let members = APISchema.object([
    .init("added", .list(.string), "New."), .init("removed", .list(.string), "Gone."),
  ])
  private static let layer = APISchema.object([
    .init("digest", .string, "Its digest."), .init("mediaType", .string, "Its type."),
    .init("sizeBytes", .integer, "Its size."),
  ])
  private static let side = APISchema.object([
    .init("image", .string, "As it was asked for."), .init("digest", .string, "Of the manifest that was compared."),
    .init("mediaType", .string, "Of the manifest."),
    .init("artifactType", .nullable(.string), "Of an image or artifact."),
    .init("platform", .nullable(.string), "As its configuration says."),
    .init("sizeBytes", .integer, "Of configuration and layers; 0 for an index."),
  ])
  private static let entry = APISchema.object([
    .init("platform", .nullable(.string), "Null for what is for no platform, such as attestations."),
    .init("digest", .string, "The manifest."), .init("mediaType", .string, "Its type."),
  ])

  /// - Parameter platforms: the shape of the section of indexes; none inside of it.
  private static func difference(_ platforms: APISchema?) -> APISchema {
    let configuration = APISchema.object([
      .init(
        "fields",
        .list(
          .object([
            .init("field", .choice(ConfigurationDifference.Field.allCases.map(\.rawValue)), "Which."),
            .init("from", .nullable(.list(.string)), "As it was."), .init("to", .nullable(.list(.string)), "As it is."),
          ])), "Fields of one value, which may have several words."),
      .init("environment", named, "Variables."), .init("labels", named, "Labels of the image."),
      .init("exposedPorts", members, "Ports, such as 8080/tcp."), .init("volumes", members, "Volumes."),
    ])
    let layers = APISchema.object([
      .init("added", .list(layer), "Only in the new one."), .init("removed", .list(layer), "Only in the old one."),
      .init("shared", .list(layer), "In both, in the order of the new one."),
      .init("reordered", .boolean, "The shared ones stand in another order."),
      .init("pullBytes", .integer, "What who has the old one downloads: configuration and layers."),
    ])
    var fields: [APIField] = [
      .init("same", .boolean, "Both are the same content.", isRequired: true),
      .init("from", side, "The old one.", isRequired: true), .init("to", side, "The new one.", isRequired: true),
      .init("configuration", configuration, "How it is run.", isRequired: true),
      .init("annotations", named, "Of the manifest.", isRequired: true),
      .init("layers", layers, "By digest.", isRequired: true),
      .init("history", members, "Commands that made it, in their order.", isRequired: true),
      .init("problems", .list(.string), "What could not be compared, and why.", isRequired: true),
    ]
    if let platforms { fields.append(.init("platforms", platforms, "Of two indexes.")) }
    return .object(fields)
  }

  private static let platformsSchema = APISchema.object([
    .init("added", .list(entry), "Only in the new one."), .init("removed", .list(entry), "Only in the old one."),
    .init("same", .list(entry), "The same in both."),
    .init(
      "changed",
      .list(
        .object([
          .init("platform", .string, "Which."), .init("from", .string, "Digest."), .init("to", .string, "Digest."),
          .init("difference", difference(nil), "What differs."), .init("problem", .string, "Why it was not compared."),
        ])), "In both, with other content."),
  ])

  static let diff: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/diff", summary: "What differs between two images, artifacts or indexes.",
      permission: "everybody who may pull both",
      query: [
        .init(name: "from", description: "The old one: `name:tag` or `name@digest`.", isRequired: true),
        .init(name: "to", description: "The new one; of the same repository or of another.", isRequired: true),
        .init(name: "platform", description: "Which image of an index, such as `linux/arm64`."),
      ], answer: difference(platformsSchema)
    ) { routes, call in
      let old = try image("from", call)
      let new = try image("to", call)
      let policy = routes.access.policy
      let mayPullOld = try await policy.permit(Pull.self, on: old.repository, for: call.caller)
      let mayPullNew = try await policy.permit(Pull.self, on: new.repository, for: call.caller)
      let found = try await routes.registry.difference(
        from: (old.reference, mayPullOld), to: (new.reference, mayPullNew), platform: call.query.first("platform"))
      return view(found)
    },
    APIRoute(
      method: .GET, path: "/api/v1/diff/contents",
      summary: "What differs between the packages of two images, and between what is wrong with them.",
      permission: "everybody who may pull both",
      query: [
        .init(name: "from", description: "The old one: `name:tag` or `name@digest`.", isRequired: true),
        .init(name: "to", description: "The new one; of the same repository or of another.", isRequired: true),
        .init(name: "platform", description: "Which image of an index, such as `linux/arm64`."),
      ], answer: contentSchema
    ) { routes, call in
      let old = try image("from", call)
      let new = try image("to", call)
      let policy = routes.access.policy
      let mayPullOld = try await policy.permit(Pull.self, on: old.repository, for: call.caller)
      let mayPullNew = try await policy.permit(Pull.self, on: new.repository, for: call.caller)
      let found = try await routes.registry.contentDifference(
        from: (old.reference, mayPullOld), to: (new.reference, mayPullNew), platform: call.query.first("platform"))
      return [
        "added": .array(found.added.map(\.json)), "removed": .array(found.removed.map(\.json)),
        "changed": .array(
          found.changed.map { change in
            [
              "type": .string(change.type), "name": .string(change.name), "from": texts(change.from),
              "to": texts(change.to),
            ]
          }), "introduced": .array(found.introduced.map(\.json)), "fixed": .array(found.fixed.map(\.json)),
      ]
    },
  ]

  private static let contentSchema = APISchema.object([
    .init("added", .list(.any), "Packages of the new one alone, as in inventories.", isRequired: true),
    .init("removed", .list(.any), "Packages of the old one alone.", isRequired: true),
    .init(
      "changed",
      .list(
        .object([
          .init("type", .string, "The type in package URLs."), .init("name", .string, "Its name."),
          .init("from", .list(.string), "Versions in the old one."), .init("to", .list(.string), "In the new one."),
        ])), "Packages that both have in other versions.", isRequired: true),
    .init("introduced", .list(.any), "Findings of the new one alone, as in findings.", isRequired: true),
    .init("fixed", .list(.any), "Findings of the old one alone.", isRequired: true),
  ])

  private static func image(_ name: String, _ call: APICall) throws -> ImageReference {
    guard let text = call.query.first(name) else {
      throw AdministrationError(.invalid, "name two images: from=name:tag and to=name:tag")
    }
    do throws(ParseError) { return try ImageReference(parsing: text) } catch {
      throw AdministrationError(.invalid, "\(name): \(error.message)")
    }
  }

  // MARK: Views

  private static func view(_ found: ImageDifference) -> JSONValue {
    var object: JSONObject = [
      "same": .bool(found.isSame), "from": view(found.from), "to": view(found.to),
      "configuration": view(found.configuration), "annotations": view(found.annotations), "layers": view(found.layers),
      "history": ["added": texts(found.history.added), "removed": texts(found.history.removed)],
      "problems": texts(found.problems),
    ]
    if let platforms = found.platforms { object.append("platforms", view(platforms)) }
    return .object(object)
  }

  private static func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }

  private static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

  private static func view(_ side: ImageDifference.Side) -> JSONValue {
    [
      "image": .string(side.name.description), "digest": .string(side.digest.description),
      "mediaType": .string(side.mediaType.text), "artifactType": optional(side.artifactType?.text),
      "platform": optional(side.platform), "sizeBytes": .integer(side.sizeBytes),
    ]
  }

  private static func view(_ found: ConfigurationDifference) -> JSONValue {
    let fields = found.fields.map { change -> JSONValue in
      [
        "field": .string(change.field.rawValue), "from": change.from.map(texts) ?? .null,
        "to": change.to.map(texts) ?? .null,
      ]
    }
    return [
      "fields": .array(fields), "environment": view(found.environment), "labels": view(found.labels),
      "exposedPorts": ["added": texts(found.exposedPorts.added), "removed": texts(found.exposedPorts.removed)],
      "volumes": ["added": texts(found.volumes.added), "removed": texts(found.volumes.removed)],
    ]
  }

  private static func view(_ found: NamedDifference) -> JSONValue {
    func entries(_ list: [Annotations.Entry]) -> JSONValue {
      .array(list.map { ["name": .string($0.key), "value": .string($0.value)] })
    }
    let changed = found.changed.map { change -> JSONValue in
      ["name": .string(change.name), "from": .string(change.from), "to": .string(change.to)]
    }
    return ["added": entries(found.added), "removed": entries(found.removed), "changed": .array(changed)]
  }

  private static func view(_ found: LayerDifference) -> JSONValue {
    func layers(_ list: [LayerDifference.Layer]) -> JSONValue {
      .array(
        list.map {
          [
            "digest": .string($0.digest.description), "mediaType": .string($0.mediaType.text),
            "sizeBytes": .integer($0.sizeBytes),
          ]
        })
    }
    return [
      "added": layers(found.added), "removed": layers(found.removed), "shared": layers(found.shared),
      "reordered": .bool(found.isReordered), "pullBytes": .integer(found.pullBytes),
    ]
  }

  private static func view(_ found: PlatformDifference) -> JSONValue {
    func entries(_ list: [PlatformDifference.Entry]) -> JSONValue {
      .array(
        list.map {
          [
            "platform": optional($0.platform), "digest": .string($0.digest.description),
            "mediaType": .string($0.mediaType.text),
          ]
        })
    }
    let changed = found.changed.map { change -> JSONValue in
      var object: JSONObject = [
        "platform": .string(change.platform), "from": .string(change.from.description),
        "to": .string(change.to.description),
      ]
      switch change.outcome {
      case .compared(let difference): object.append("difference", view(difference))
      case .failed(let reason): object.append("problem", .string(reason))
      }
      return .object(object)
    }
    return [
      "added": entries(found.added), "removed": entries(found.removed), "same": entries(found.same),
      "changed": .array(changed),
    ]
  }
}
