import Glibc
import OCI

/// Where a bundle is: a file here, or an artifact in a registry.
enum BundleSource {
  /// Has `body` work with the bundle's file, which is gone afterwards where it had to be fetched.
  static func with<R>(_ text: String, _ body: (_ path: String) async throws -> R) async throws -> R {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = "\(folder.path)/advisories.tar"
    guard ArtifactAddress.isAddress(text) else {
      try copy(text, to: path)
      return try await body(path)
    }
    let address = try ArtifactAddress(named: text)
    _ = try await BundleArtifact(client: try RegistryClient(address)).pull(to: path)
    return try await body(path)
  }

  /// What is checked must be what is read afterwards: a file that others may write to can be another by then.
  static func copy(_ path: String, to copy: String) throws {
    guard let source = fopen(path, "re") else { throw BundleFailure.ofSystem(path) }
    defer { fclose(source) }
    guard let target = fopen(copy, "we") else { throw BundleFailure.ofSystem(copy) }
    var isOpen = true
    defer { if isOpen { fclose(target) } }
    var piece = [UInt8](repeating: 0, count: pieceBytes)
    while true {
      let count = fread(&piece, 1, piece.count, source)
      guard ferror(source) == 0 else { throw BundleFailure.ofSystem(path) }
      guard count > 0 else { break }
      guard fwrite(piece, 1, count, target) == count else { throw BundleFailure.ofSystem(copy) }
    }
    isOpen = false
    guard fclose(target) == 0 else { throw BundleFailure.ofSystem(copy) }
  }

  private static let pieceBytes = 256 << 10
}

extension ArtifactAddress {
  /// As ``init(parsing:)``, for what a person has named.
  init(named text: String) throws {
    do throws(ParseError) { self = try ArtifactAddress(parsing: text) } catch {
      throw BundleFailure("\(text): \(error.message)")
    }
  }
}
