import OCI

/// An artifact in any registry: `registry.example.org/security/advisories:latest`, with or without `oci://` before it.
struct ArtifactAddress: Sendable, Equatable {
  /// Host and port, as they were named.
  let registry: String
  let image: ImageReference
  private let isPlain: Bool

  static let scheme = "oci://"
  /// For registries without TLS that are not on this machine.
  static let plainScheme = "oci+http://"

  static func isAddress(_ text: String) -> Bool { text.hasPrefix(scheme) || text.hasPrefix(plainScheme) }

  /// - Throws: ``ParseError`` for what is none.
  init(parsing text: String) throws(ParseError) {
    isPlain = text.hasPrefix(Self.plainScheme)
    let rest = text.dropFirst(isPlain ? Self.plainScheme.count : text.hasPrefix(Self.scheme) ? Self.scheme.count : 0)
    guard let slash = rest.firstIndex(of: "/"), Self.isHost(rest[..<slash]) else {
      throw ParseError(.reference, "the address has no registry: expected registry.example.org/name:tag")
    }
    registry = String(rest[..<slash])
    image = try ImageReference(parsing: String(rest[rest.index(after: slash)...]))
  }

  /// Letters, digits, points, dashes, a port, an address of IPv6 in brackets.
  static func isHost(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || ".-:[]".utf8.contains(byte)
      }
  }

  /// Docker's registry answers under another name than its images have.
  static let dockerHub = (name: "docker.io", credentialName: "https://index.docker.io/v1/")

  /// Where it answers, without a slash at the end. It is HTTPS, but on this machine.
  var url: String {
    if registry == Self.dockerHub.name { return "https://registry-1.docker.io" }
    return RemoteServer(isPlain ? "http://\(registry)" : registry).url
  }

  /// As it stands in files of credentials.
  var credentialName: String { registry == Self.dockerHub.name ? Self.dockerHub.credentialName : registry }

  var description: String { "\(registry)/\(image)" }
}
