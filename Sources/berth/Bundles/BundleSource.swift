import OCI

/// Where a bundle is: a file here, or an artifact in a registry.
enum BundleSource {
  /// Has `body` work with the bundle's file, which is gone afterwards where it had to be fetched.
  static func with<R>(_ text: String, _ body: (_ path: String) async throws -> R) async throws -> R {
    guard ArtifactAddress.isAddress(text) else { return try await body(text) }
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = "\(folder.path)/advisories.tar"
    let address = try ArtifactAddress(named: text)
    _ = try await BundleArtifact(client: try RegistryClient(address)).pull(to: path)
    return try await body(path)
  }
}

extension ArtifactAddress {
  /// As ``init(parsing:)``, for what a person has named.
  init(named text: String) throws {
    do throws(ParseError) { self = try ArtifactAddress(parsing: text) } catch {
      throw BundleFailure("\(text): \(error.message)")
    }
  }
}
