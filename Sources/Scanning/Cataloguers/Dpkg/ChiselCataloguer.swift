internal import OCI

/// Reads what chisel leaves in images of Ubuntu that have only slices of packages: lines of JSON, packed with Zstandard.
///
/// It names no source packages, so what it finds is listed and not judged.
///
/// Source: github.com/canonical/chisel, "Chisel manifest", schema 1.0.
struct ChiselCataloguer: Cataloguer {
  let name = "chisel"
  let revision = 1
  let sizeLimitBytes = 8 << 20

  /// Unpacked. A slice of a system has some thousands of lines of a hundred bytes.
  private static let contentLimitBytes: Int64 = 64 << 20
  private static let path = "var/lib/chisel/manifest.wall"

  func wants(_ file: Candidate) -> Bool { file.path == Self.path }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    let content = try Self.unpacked(file.bytes)
    let outcome = content.withUnsafeBytes { bytes -> Result<Artefact, CatalogueError> in
      do throws(CatalogueError) { return .success(try read(bytes)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }

  private func read(_ bytes: UnsafeRawBufferPointer) throws(CatalogueError) -> Artefact {
    var artefact = Artefact(path: Self.path, cataloguer: name)
    var owned = OwnedPaths(databaseBytes: bytes.count)
    var positions: [String: Int] = [:]
    for line in LineReader(bytes) where !line.isEmpty {
      let record: JSONValue
      do throws(ParseError) { record = try JSONValue.parse(line, depthLimit: 16) } catch {
        throw CatalogueError("a line of it is no JSON: \(error.message)")
      }
      switch record["kind"]?.string {
      case "package":
        guard let package = record["name"]?.string, let version = record["version"]?.string else { continue }
        var component = Component(.deb, name: package, version: version)
        component.architecture = record["arch"]?.string
        positions[package] = artefact.components.count
        try artefact.components.appendPackage(component)
      case "path":
        // Lines are sorted: packages come before paths. A slice is `package_slice`.
        guard let path = record["path"]?.string, let slice = record["slices"]?.array?.first?.string,
          let owner = positions[String(slice.prefix { $0 != "_" })]
        else { continue }
        try owned.add(path: path, owner: owner)
      default: continue
      }
    }
    artefact.ownedPaths = owned.paths
    artefact.pathOwners = owned.owners
    return artefact
  }

  private static func unpacked(_ bytes: UnsafeRawBufferPointer) throws(CatalogueError) -> [UInt8] {
    var limits = ArchiveLimits()
    limits.uncompressedBytes = contentLimitBytes
    var content: [UInt8] = []
    do throws(LayerError) {
      var source = try DecompressedSource(MemorySource(Array(bytes)), limits: limits)
      let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
      defer { space.deallocate() }
      while true {
        let count = try source.read(into: space)
        if count == 0 { return content }
        content.append(contentsOf: space[..<count])
      }
    } catch {
      throw CatalogueError(error.description)
    }
  }
}
