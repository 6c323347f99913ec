internal import OCI

/// Where things lie below a store's directory, so that a person can find them too.
struct BlobLayout: Sendable {
  let root: String

  var uploads: String { root + "/uploads" }
  var journal: String { root + "/journal" }
  var quarantine: String { root + "/quarantine" }

  func blob(_ digest: Digest) -> String {
    let hex = digest.hex
    return "\(root)/blobs/\(digest.algorithm.rawValue)/\(hex.prefix(2))/\(hex)"
  }

  func shard(of digest: Digest) -> String { "\(algorithm(digest.algorithm))/\(digest.hex.prefix(2))" }

  func algorithm(_ algorithm: Digest.Algorithm) -> String { "\(root)/blobs/\(algorithm.rawValue)" }

  func upload(_ id: UploadID) -> String { "\(uploads)/\(id.text)" }

  /// The directory that holds a path's last name.
  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static let shardNames: [String] = {
    let digits = Array("0123456789abcdef")
    return digits.flatMap { high in digits.map { low in "\(high)\(low)" } }
  }()

  /// Says that the directories were made and synced; holds the version of this layout.
  var marker: String { root + "/layout" }
  static let version: [UInt8] = Array("1\n".utf8)

  /// Makes every directory and syncs their parents: a shard made later, whose parent is not synced, could vanish with the
  /// blobs in it. Done once; the marker is written last.
  ///
  func prepare(on disk: some Disk) throws(DiskError) {
    try makeWorkplaces(on: disk)
    for algorithm in Digest.Algorithm.allCases {
      let parent = self.algorithm(algorithm)
      _ = try disk.makeDirectory(parent)
      for shard in Self.shardNames { _ = try disk.makeDirectory("\(parent)/\(shard)") }
      try disk.syncDirectory(parent)
    }
    try disk.syncDirectory(root + "/blobs")
    try disk.syncDirectory(root)
    do throws(DiskError) {
      try disk.syncDirectory(Self.parent(of: root))
    } catch {
      // Where it may not be read it cannot be synced; then the directory was made by somebody else, and long ago.
      if !error.isForbidden { throw error }
    }
    // Everything above is durable once this name is seen, also by the next process.
    let file = try disk.open(marker, .create)
    try writeVersion(file)
    try file.sync()
    try disk.syncDirectory(root)
  }

  /// Whether ``prepare(on:)`` was done, in this life or an earlier one.
  func isPrepared(on disk: some Disk) throws(DiskError) -> Bool {
    try unlessMissing { () throws(DiskError) in try disk.open(marker, .read).size() } ?? 0 > 0
  }

  /// Makes the few directories that everything needs; ``prepare(on:)`` makes them durable.
  func makeWorkplaces(on disk: some Disk) throws(DiskError) {
    for directory in [root, uploads, journal, quarantine, root + "/blobs"] { _ = try disk.makeDirectory(directory) }
  }

  private func writeVersion(_ file: any DiskFile) throws(DiskError) {
    let result = Self.version.withUnsafeBytes { bytes -> Result<Void, DiskError> in
      do throws(DiskError) {
        return .success(try file.write(bytes, at: 0))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}
