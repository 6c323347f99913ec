@testable import Scanning

/// Reads a file as the cataloguers of operating systems do.
enum SystemFile {
  /// - Throws: what the one cataloguer that wants it throws.
  static func read(_ path: String, _ bytes: [UInt8]) throws -> Artefact? {
    let candidate = Candidate(path: path, size: Int64(bytes.count))
    guard let cataloguer = Cataloguers.operatingSystem.first(where: { $0.wants(candidate) }) else { return nil }
    return try bytes.withUnsafeBytes { try cataloguer.artefact(in: LayerFile(path: path, bytes: $0)) }
  }

  static func read(_ path: String, _ text: String) throws -> Artefact? { try read(path, Array(text.utf8)) }
}
