import Access
import NIOHTTP1
import OCI
import RegistryCore
import Scanning

// The files of images, for browsing.
extension APIRoute {
  private static let kinds = ["file", "directory", "link", "hard-link", "device", "fifo"]

  private static let fileSchema = APISchema.object([
    .init("path", .string, "From the root, without a slash before it.", isRequired: true),
    .init("kind", .choice(kinds), "What it is.", isRequired: true),
    .init("size", .integer, "In bytes.", isRequired: true),
    .init("mode", .string, "Permission bits in octal, with set-user-ID and the others above them.", isRequired: true),
    .init("target", .nullable(.string), "Of a link.", isRequired: true),
    .init("sha256", .nullable(.string), "Of a file's content.", isRequired: true),
    .init("layer", .integer, "Its layer's place, from the base on.", isRequired: true),
  ])

  private static func view(_ found: FileFold.Found) -> JSONValue {
    let file = found.file
    let digits = file.digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    return [
      "path": .string(file.path), "kind": .string(kinds[Int(file.kind.rawValue)]), "size": .integer(file.size),
      "mode": .string(String(file.mode & 0o7777, radix: 8)),
      "target": file.target.isEmpty ? .null : .string(file.target), "sha256": digits.isEmpty ? .null : .string(digits),
      "layer": .integer(Int64(found.layer)),
    ]
  }

  static let files: [APIRoute] = [
    APIRoute(
      method: .GET, path: "/api/v1/repositories/{repository}/-/files/{reference}",
      summary: "The files of an image as a container would see them, in the order of their paths.",
      permission: "everybody who may pull",
      query: paging + [
        .init(name: "path", description: "Only what is in this folder, or is it itself: `etc/ssl`."),
        .init(name: "platform", description: "Of an index, the image for this platform, such as `linux/arm64`."),
      ],
      answer: .object([
        .init("items", .list(fileSchema), "The files.", isRequired: true),
        .init("next", .string, "The cursor of the next page; absent on the last one."),
        .init("partial", .boolean, "There are more files than lists hold.", isRequired: true),
      ])
    ) { routes, call in
      let permit = try await routes.access.policy.permit(Pull.self, on: call.repository(), for: call.caller)
      let folder = (call.query.first("path") ?? "").split(separator: "/").joined(separator: "/")
      let page = try await routes.registry.files(
        of: APICall.reference(call.value("reference")), platform: call.query.first("platform"), in: folder,
        after: call.cursor, limit: call.pageSize(), permit: permit)
      var object: JSONObject = ["items": .array(page.files.map(view)), "partial": .bool(page.isPartial)]
      if let next = page.next { object.append("next", .string(next)) }
      return .object(object)
    }
  ]
}
