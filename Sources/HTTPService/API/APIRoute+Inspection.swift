import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore

// What is in images, and what is wrong with them.
extension APIRoute {
  private static let mayPull = "everybody who may pull"
  private static let platform = Parameter(
    name: "platform",
    description:
      "Only the image for this platform, such as `linux/arm64`, of an index or alone; 404 where there is none.")
  private static let states = ImageInventoryRow.State.allCases.map(\.rawValue) + ["none", "not-here", "beyond-limit"]

  private static let imageFields: [APIField] = [
    .init("image", .string, "As it was asked for; an image of an index by its digest.", isRequired: true),
    .init("digest", .string, "Its manifest.", isRequired: true),
    .init("platform", .nullable(.string), "What it is for.", isRequired: true),
    .init(
      "state", .choice(states),
      "How far it is known. None: no files. Not here: only listed. Beyond limit: an index with more than these in it.",
      isRequired: true),
    .init("reason", .nullable(.string), "Why it is not known, or cannot be judged.", isRequired: true),
    .init("distribution", .nullable(.string), "Its operating system, for people.", isRequired: true),
    .init("support", .nullable(.string), "Set when not everybody gets updates for it any more.", isRequired: true),
    .init("packages", .integer, "How many packages it holds.", isRequired: true),
    .init("inventoriedAt", .nullable(.moment), "When that was found.", isRequired: true),
  ]

  // MARK: Contents

  private static let layerSchema = APISchema.object([
    .init("digest", .string, "The layer.", isRequired: true),
    .init("state", .choice(["waiting", "read", "failed", "missing"]), "Whether it was read.", isRequired: true),
    .init("reason", .nullable(.string), "Why not.", isRequired: true),
    .init("entries", .integer, "Entries of its archive.", isRequired: true),
    .init("uncompressedBytes", .integer, "Size of its archive.", isRequired: true),
  ])

  private static let packageSchema = APISchema.object([
    .init("type", .string, "The type in package URLs: deb, pypi.", isRequired: true),
    .init("name", .string, "Its name.", isRequired: true), .init("version", .string, "Its version.", isRequired: true),
    .init("architecture", .nullable(.string), "What it is built for.", isRequired: true),
    .init("source", .nullable(.string), "Name and version of its source package.", isRequired: true),
    .init("licenses", .nullable(.string), "Its licences, as it names them.", isRequired: true),
    .init("path", .string, "The file that names it.", isRequired: true),
    .init("layer", .integer, "Its layer's place, from the base on.", isRequired: true),
    .init(
      "ownedBy", .nullable(.string), "The package of the operating system that brought it along.", isRequired: true),
    .init("notJudged", .nullable(.string), "Why no advisory is asked about it.", isRequired: true),
  ])

  private static let noticeSchema = APISchema.object([
    .init("kind", .string, "secret, setuid, world-writable, unreadable, irregular.", isRequired: true),
    .init("path", .string, "The file.", isRequired: true), .init("detail", .string, "What it is.", isRequired: true),
    .init("layer", .integer, "Its layer's place, from the base on.", isRequired: true),
    .init("hidden", .boolean, "An upper layer removes the file; its layer still carries it.", isRequired: true),
  ])

  // MARK: Findings

  private static let findingSchema = APISchema.object([
    .init("vulnerability", .string, "A CVE, or else the name of the advisory.", isRequired: true),
    .init("advisory", .string, "The advisory that counts.", isRequired: true),
    .init("feed", .string, "Where it is from.", isRequired: true),
    .init("names", .list(.string), "Every name of it.", isRequired: true),
    .init("type", .string, "Of the package.", isRequired: true),
    .init("package", .string, "Its name.", isRequired: true),
    .init("version", .string, "Its version.", isRequired: true),
    .init("paths", .list(.string), "The files that name it.", isRequired: true),
    .init("fixed", .nullable(.string), "The version that mends it.", isRequired: true),
    .init(
      "state", .string, "affected, will-not-fix, deferred, end-of-life, under-investigation, undecidable.",
      isRequired: true),
    .init("severity", .choice(ImageFinding.severities), "How bad.", isRequired: true),
    .init("severitySource", .nullable(.string), "Who says so.", isRequired: true),
    .init("score", .nullable(.integer), "Of CVSS, in tenths.", isRequired: true),
    .init("exploitedSince", .nullable(.string), "The day since which it is known to be exploited.", isRequired: true),
    .init("epss", .nullable(.integer), "The probability that it will be, in millionths.", isRequired: true),
    .init("summary", .string, "In a sentence.", isRequired: true),
    .init("foundAt", .moment, "Since when it is known here.", isRequired: true),
    .init(
      "suppressed",
      .nullable(
        .object([
          .init("by", .choice(["vex", "exception"]), "Who says so.", isRequired: true),
          .init("status", .string, "not_affected, fixed, accepted.", isRequired: true),
          .init("reason", .string, "Why.", isRequired: true), .init("author", .string, "Who.", isRequired: true),
          .init("reference", .string, "The exception's number, or the document.", isRequired: true),
        ])), "Why it does not count.", isRequired: true),
  ])

  // MARK: Operations

  static let inspection: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/inventory/{reference}",
      summary: "What an image holds, or each image of an index: packages, layers, and what else was noticed.",
      permission: mayPull, query: [platform],
      answer: .list(
        .object(
          imageFields + [
            .init("layers", .list(layerSchema), "From the base on.", isRequired: true),
            .init("contents", .list(packageSchema), "Its packages.", isRequired: true),
            .init("notices", .list(noticeSchema), "Secrets, and what else is out of the ordinary.", isRequired: true),
          ]))
    ) { routes, call in
      .array(
        try await images(routes, call).asyncMap { image in
          var object = image.members(now: routes.registry.database.now)
          var contents: ImageContents?
          if let row = image.inventory { contents = try await routes.registry.contents(of: row) }
          object.append("layers", .array((contents?.layers ?? []).map(\.json)))
          object.append("contents", .array((contents?.packages ?? []).map(\.json)))
          object.append("notices", .array((contents?.notices ?? []).map(\.json)))
          return .object(object)
        })
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/findings/{reference}",
      summary: "What is wrong with an image, or with each image of an index, the worst first.",
      permission: mayPull, query: [platform],
      answer: .list(
        .object(
          imageFields + [
            .init("unjudged", .nullable(.string), "Why nothing can be said of some packages.", isRequired: true),
            .init("gaps", .list(.string), "What is not known of an image that is judged.", isRequired: true),
            .init("findings", .list(findingSchema), "The worst first.", isRequired: true),
            .init("notices", .list(noticeSchema), "Secrets, and what else is out of the ordinary.", isRequired: true),
          ]))
    ) { routes, call in
      let repository = try call.repository()
      return .array(
        try await images(routes, call).asyncMap { image in
          var object = image.members(now: routes.registry.database.now)
          var report: ImageReport?
          if let row = image.inventory { report = try await routes.registry.report(on: row, in: repository) }
          object.append("unjudged", report?.unjudged.map { .string($0) } ?? .null)
          object.append("gaps", .array((report?.gaps ?? []).map { .string($0) }))
          object.append("findings", .array((report?.findings ?? []).map(\.json)))
          object.append("notices", .array((report?.notices ?? []).map(\.json)))
          return .object(object)
        })
    },
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/findings/{reference}/base",
      summary: "What an image is built on, and what another base would change in what is wrong with it.",
      permission: mayPull,
      query: [
        platform,
        .init(
          name: "to",
          description: "The other base, `name:tag`. Unless given: where a tag has gone that pointed to the base."),
      ], answer: baseSchema
    ) { routes, call in try await baseUpgrade(routes, call) },
  ]

  // MARK: Bases

  private static let baseSchema = APISchema.object([
    .init("image", .string, "As it was asked for.", isRequired: true),
    .init("digest", .string, "Its manifest.", isRequired: true),
    .init(
      "base",
      .object([
        .init("digest", .string, "Its manifest.", isRequired: true),
        .init("layers", .integer, "How many layers it has.", isRequired: true),
        .init(
          "places",
          .list(
            .object([
              .init("repository", .string, "Where it stands.", isRequired: true),
              .init("tags", .list(.string), "What points to it.", isRequired: true),
              .init("moved", .list(.string), "What pointed to it, and points to something else now.", isRequired: true),
            ])), "As far as one may see them.", isRequired: true),
      ]), "The image of this registry that it is built on, by its layers.", isRequired: true),
    .init("to", .string, "The other base.", isRequired: true),
    .init("toDigest", .string, "Its manifest.", isRequired: true),
    .init("fixed", .list(findingSchema), "Come from the base, and are not in the other.", isRequired: true),
    .init("remaining", .list(findingSchema), "Come from the base, and are in the other too.", isRequired: true),
    .init("introduced", .list(findingSchema), "Are in the other base only.", isRequired: true),
    .init("own", .integer, "Findings that do not come from the base.", isRequired: true),
  ])

  private static func baseUpgrade(_ routes: RegistryRoutes, _ call: APICall) async throws -> JSONValue {
    let (registry, repository) = (routes.registry, try call.repository())
    let found = try await images(routes, call)
    guard let image = found.first, found.count == 1 else {
      throw AdministrationError(.invalid, "\(repository):\(call.value("reference")) is an index: name a platform")
    }
    let row = try Registry.inventoried(image)
    let shown = try await routes.access.policy.cataloguePermit(for: call.caller)
    guard let base = try await registry.base(of: row, shownTo: shown) else {
      throw AdministrationError(
        .notFound, "no image here has the first layers of \(image.name): push its base, and it is known")
    }
    let target: ImageReference
    if let text = call.query.first("to") {
      do throws(ParseError) { target = try ImageReference(parsing: text) } catch {
        throw AdministrationError(.invalid, "to: \(error.message)")
      }
    } else if let successor = base.successor {
      target = successor
    } else {
      throw AdministrationError(
        .notFound, "no tag has moved on from the base \(base.digest): name another one with “to”")
    }
    let permit = try await routes.access.policy.permit(Pull.self, on: target.repository, for: call.caller)
    var candidates = try await registry.inspectedImages(target.reference, permit: permit)
    if candidates.count > 1 {
      var platform = image.platform
      if platform == nil { platform = try await registry.platform(of: image.digest, in: repository) }
      candidates = try await registry.inspectedImages(target.reference, platform: platform, permit: permit)
    }
    guard let candidate = candidates.first else { throw AdministrationError(.notFound, "\(target) lists no image") }
    let upgrade = try await registry.baseUpgrade(of: image, on: base, to: candidate, in: repository)
    return view(upgrade, of: image, to: target)
  }

  private static func view(_ upgrade: BaseUpgrade, of image: InspectedImage, to target: ImageReference) -> JSONValue {
    func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
    let places = upgrade.base.places.map { place -> JSONValue in
      ["repository": .string(place.repository.text), "tags": texts(place.tags), "moved": texts(place.movedTags)]
    }
    return [
      "image": .string(image.name.description), "digest": .string(image.digest.description),
      "base": [
        "digest": .string(upgrade.base.digest.description), "layers": .integer(Int64(upgrade.base.layerCount)),
        "places": .array(places),
      ], "to": .string(target.description), "toDigest": .string(upgrade.candidate.digest.description),
      "fixed": .array(upgrade.fixed.map(\.json)), "remaining": .array(upgrade.remaining.map(\.json)),
      "introduced": .array(upgrade.introduced.map(\.json)), "own": .integer(Int64(upgrade.ownCount)),
    ]
  }

  private static func images(_ routes: RegistryRoutes, _ call: APICall) async throws -> [InspectedImage] {
    let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
    return try await routes.registry.inspectedImages(
      APICall.reference(call.value("reference")), platform: call.query.first("platform"), permit: permit)
  }
}

extension Sequence {
  fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async throws -> [T] {
    var result: [T] = []
    for element in self { result.append(try await transform(element)) }
    return result
  }
}
