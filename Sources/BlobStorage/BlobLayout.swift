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

  static let shardNames: [String] = {
    let digits = Array("0123456789abcdef")
    return digits.flatMap { high in digits.map { low in "\(high)\(low)" } }
  }()

  /// Makes every directory and syncs their parents: a shard made later, whose parent is not synced, could vanish with the
  /// blobs in it.
  func prepare(on disk: some Disk) throws(DiskError) {
    _ = try disk.makeDirectory(root)
    var made = false
    for directory in [uploads, journal, quarantine, root + "/blobs"] {
      made = try disk.makeDirectory(directory) || made
    }
    for algorithm in Digest.Algorithm.allCases {
      let parent = self.algorithm(algorithm)
      made = try disk.makeDirectory(parent) || made
      if try disk.list(parent).count < Self.shardNames.count {
        for shard in Self.shardNames { _ = try disk.makeDirectory("\(parent)/\(shard)") }
        made = true
      }
      if made { try disk.syncDirectory(parent) }
    }
    if made {
      try disk.syncDirectory(root + "/blobs")
      try disk.syncDirectory(root)
    }
  }
}
