import Access
import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore
import Scanning

// Bills of materials.
extension APIRoute {
  private static let path = "/api/v1/repositories/{repository}/-/sbom/{reference}"
  private static let mayPull = "everybody who may pull"

  private static let entry = APISchema.object([
    .init("type", .string, "The type in package URLs.", isRequired: true),
    .init("name", .string, "Its name.", isRequired: true), .init("version", .string, "Its version.", isRequired: true),
  ])

  private static let attestedSchema = APISchema.object([
    .init("referrer", .string, "The manifest that refers to the image.", isRequired: true),
    .init("artifactType", .string, "What it says that it is.", isRequired: true),
    .init("failure", .nullable(.string), "Why it cannot be read.", isRequired: true),
    .init("format", .nullable(.string), "CycloneDX or SPDX, with its version.", isRequired: true),
    .init("created", .nullable(.string), "When it says that it was made.", isRequired: true),
    .init("tools", .list(.string), "What it says that made it.", isRequired: true),
    .init("signed", .boolean, "Whether it carries a signature, which is not verified here.", isRequired: true),
    .init("same", .integer, "How many packages both have.", isRequired: true),
    .init("onlyFound", .list(entry), "Packages that were found in the image and are not in it.", isRequired: true),
    .init("onlyAttested", .list(entry), "Packages in it that were not found in the image.", isRequired: true),
    .init("otherVersions", .list(.any), "Packages that both have in other versions.", isRequired: true),
  ])

  private static func view(_ entry: SBOMComparison.Entry) -> JSONValue {
    ["type": .string(entry.type.rawValue), "name": .string(entry.name), "version": .string(entry.version)]
  }

  private static func view(_ sbom: AttestedSBOM) -> JSONValue {
    let comparison = sbom.comparison
    let format = sbom.document.map { "\($0.format.rawValue) \($0.version)" }
    return [
      "referrer": .string(sbom.referrer.description), "artifactType": .string(sbom.artifactType),
      "failure": sbom.failure.map { .string($0) } ?? .null, "format": format.map { .string($0) } ?? .null,
      "created": sbom.document?.created.map { .string($0) } ?? .null,
      "tools": .array((sbom.document?.tools ?? []).map { .string($0) }),
      "signed": .bool(sbom.document?.isSigned ?? false), "same": .integer(Int64(comparison?.sameCount ?? 0)),
      "onlyFound": .array((comparison?.onlyOurs ?? []).map(view)),
      "onlyAttested": .array((comparison?.onlyTheirs ?? []).map(view)),
      "otherVersions": .array(
        (comparison?.otherVersions ?? []).map { other in
          [
            "type": .string(other.type.rawValue), "name": .string(other.name),
            "found": .array(other.ours.map { .string($0) }), "attested": .array(other.theirs.map { .string($0) }),
          ]
        }),
    ]
  }

  static let sboms: [APIRoute] = [
    APIRoute(
      method: .GET, path: path, summary: "The bill of materials of an image, or of an index and its images.",
      permission: mayPull,
      query: [
        .init(name: "format", description: "`cyclonedx` (1.6, unless given) or `spdx` (2.3)."),
        .init(name: "platform", description: "Of an index, only the image for this platform, such as `linux/arm64`."),
      ], answer: .any
    ) { routes, call in
      let word = call.query.first("format") ?? SBOMForm.cyclonedx.rawValue
      guard let form = SBOMForm(rawValue: word) else {
        throw AdministrationError(.invalid, "“format” is cyclonedx or spdx")
      }
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      let bytes = try await routes.registry.sbom(
        APICall.reference(call.value("reference")), as: form, platform: call.query.first("platform"),
        address: call.request.header("host") ?? "", version: routes.settings.version, permit: permit)
      return try bytes.withUnsafeBytes { try JSONValue.parse($0, depthLimit: 64) }
    },
    APIRoute(
      method: .GET, path: path + "/attested",
      summary: "The bills of materials that refer to an image, each compared with what was found in the image.",
      permission: mayPull, answer: .list(attestedSchema)
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      let found = try await routes.registry.attestedSBOMs(
        APICall.reference(call.value("reference")), permit: permit)
      return .array(found.map(view))
    },
  ]
}
