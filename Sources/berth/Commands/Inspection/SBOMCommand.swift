import ArgumentParser
import BlobStorage
import Glibc
import OCI
import RegistryCore

/// The form of an SBOM on the command line.
struct SBOMFormName: ExpressibleByArgument {
  let form: SBOMForm

  init?(argument: String) {
    guard let form = SBOMForm(rawValue: argument) else { return nil }
    self.form = form
  }

  static var allValueStrings: [String] { SBOMForm.allCases.map(\.rawValue) }
}

struct SBOMCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sbom", abstract: "The bill of materials of an image, in the forms that other tools read.",
    discussion: """
      berth sbom acme/api:2.3 > api.cdx.json
      berth sbom acme/api:2.3 --format spdx --file api.spdx.json
      berth sbom acme/api:2.3 --attach
      berth sbom acme/api:2.3 --compare
      """)
  @Argument(help: "An image or an index: acme/api:2.3 or acme/api@sha256:….") var image: ImageName
  @Option(name: [.customLong("format"), .customLong("form")], help: "cyclonedx (1.6) or spdx (2.3).")
  var form: SBOMFormName?
  @Option(help: "Which image of an index, such as linux/arm64.") var platform: String?
  @Option(help: "Write it to this file.") var file: String?
  @Flag(help: "Attach it to the image that it describes, so that it is found as one of its referrers.")
  var attach = false
  @Flag(help: "Compare those that others attached with what is in the image.") var compare = false
  @OptionGroup var remote: RemoteOptions

  func validate() throws {
    if compare, attach || file != nil || form != nil || platform != nil {
      throw ValidationError("--compare is about what others attached: it goes with no other option")
    }
  }

  private var path: String { path("sbom", image) }

  private func path(_ part: String, _ image: ImageName) -> String {
    "\(image.repository.apiPath)/\(part)/\(PercentCoding.encoded(image.reference.description))"
  }

  private var platformQuery: String? { platform.map { "platform=\(PercentCoding.encoded($0))" } }

  func run() async throws {
    try await remote.run { server in
      if compare { return try await tellAttested(server) }
      let form = form?.form ?? .cyclonedx
      // A tag may move between the questions.
      let image = try await pinned(server)
      let query = "?format=\(form.rawValue)" + (platformQuery.map { "&\($0)" } ?? "")
      let document = try await server.call(.get, path("sbom", image) + query)
      if let file { try Self.write(document.bytes, to: file) }
      if attach {
        let subject = try await described(image, server)
        let digest = try await Attachment(document.bytes, form.mediaType).push(to: subject, on: server)
        remote.tell("Attached as \(image.repository)@\(digest).", ["digest": .string(digest.description)])
      } else if file == nil {
        print(document.text)
      }
    }
  }

  private func pinned(_ server: RemoteServer) async throws -> ImageName {
    guard attach, platform != nil else { return image }
    return ImageName(image.repository, try await server.manifest(image).digest)
  }

  /// The image that the document is about: of an index that of the platform.
  private func described(_ image: ImageName, _ server: RemoteServer) async throws -> ImageName {
    guard let platformQuery else { return image }
    let found = try await server.call(.get, "\(path("inventory", image))?\(platformQuery)").array?.first
    guard let digest = found?["digest"]?.string.flatMap({ try? Digest(parsing: $0) }) else {
      throw RemoteServer.Failure(status: 0, description: "the server does not say which image that is")
    }
    return ImageName(image.repository, digest)
  }

  private func tellAttested(_ server: RemoteServer) async throws {
    let found = try await server.call(.get, path + "/attested").array ?? []
    guard remote.output == .table else { return remote.tell("", .array(found)) }
    if found.isEmpty { print("Nobody has attached a bill of materials.") }
    for sbom in found {
      let tools = (sbom["tools"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
      print("\(sbom["referrer"]?.string ?? "")  \(sbom["format"]?.string ?? "unreadable")  \(tools)")
      if let failure = sbom["failure"]?.string {
        print("  It cannot be read: \(failure)")
        continue
      }
      print("  \(sbom["same"]?.integer ?? 0) packages are the same.")
      for (name, title) in [("onlyFound", "only in the image"), ("onlyAttested", "only in the document")] {
        for package in sbom[name]?.array ?? [] {
          print("  \(title): \(package["name"]?.string ?? "") \(package["version"]?.string ?? "")")
        }
      }
      for package in sbom["otherVersions"]?.array ?? [] {
        func list(_ name: String) -> String {
          (package[name]?.array ?? []).compactMap(\.string).joined(separator: ", ")
        }
        print(
          "  another version: \(package["name"]?.string ?? "") \(list("found")), in the document \(list("attested"))")
      }
    }
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "w") else {
      standardError("berth: \(path): \(String(cString: strerror(errno)))")
      throw ExitCode.failure
    }
    let count = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, count == bytes.count else {
      standardError("berth: \(path) could not be written: \(String(cString: strerror(errno)))")
      throw ExitCode.failure
    }
  }
}

/// A document that refers to an image.
///
/// Source: image-spec, manifest.md, "Guidelines for Artifact Usage".
struct Attachment {
  private let content: [UInt8]
  private let mediaType: String

  init(_ content: [UInt8], _ mediaType: String) {
    self.content = content
    self.mediaType = mediaType
  }

  /// Pushes it as any client would. Answers the digest of its manifest.
  func push(to image: ImageName, on server: RemoteServer) async throws -> Digest {
    let base = "/v2/\(image.repository)"
    let subject = try await server.manifest(image)
    let empty = Array("{}".utf8)
    for blob in [empty, content] {
      let digest = blob.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
      try await server.send(blob, "application/octet-stream", .post, "\(base)/blobs/uploads/?digest=\(digest)")
    }
    func descriptor(_ type: String, _ bytes: [UInt8]) -> JSONValue {
      let digest = bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
      return ["mediaType": .string(type), "digest": .string(digest.description), "size": .integer(Int64(bytes.count))]
    }
    let manifest: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(MediaType.ociManifest.text), "artifactType": .string(mediaType),
      "config": descriptor("application/vnd.oci.empty.v1+json", empty),
      "layers": .array([descriptor(mediaType, content)]),
      "subject": [
        "mediaType": .string(subject.mediaType), "digest": .string(subject.digest.description),
        "size": .integer(subject.sizeBytes),
      ],
    ]
    let digest = manifest.bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
    try await server.send(manifest.bytes, MediaType.ociManifest.text, .put, "\(base)/manifests/\(digest)")
    return digest
  }
}
