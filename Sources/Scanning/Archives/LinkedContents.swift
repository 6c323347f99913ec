/// Contents of files that say nothing under their own path, and may under that of a hard link: pnpm keeps each file once, under the hash
/// of its content, and links it to where it is used.
struct LinkedContents {
  private let limits: ArchiveLimits
  private var contents: [String: [UInt8]] = [:]
  private var bytes = 0
  /// Files that a cataloguer has read, and that said nothing.
  private var silent: Set<String> = []

  init(_ limits: ArchiveLimits) { self.limits = limits }

  /// Whether a file that no cataloguer wants is to be kept. Descriptions of packages are small, and most of them JSON.
  func keeps(_ candidate: Candidate) -> Bool {
    candidate.start.first == UInt8(ascii: "{") && candidate.size <= Int64(limits.linkedFileBytes)
      && bytes + Int(candidate.size) <= limits.linkedBytes
  }

  mutating func add(_ content: [UInt8], of path: String) {
    bytes += content.count - (contents[path]?.count ?? 0)
    contents[path] = content
  }

  mutating func addSilent(_ path: String) { silent.insert(path) }

  /// Takes away what was known of a path: another entry stands there now.
  mutating func forget(_ path: String) {
    silent.remove(path)
    if let content = contents.removeValue(forKey: path) { bytes -= content.count }
  }

  func content(of path: String) -> [UInt8]? { contents[path] }

  func isSilent(_ path: String) -> Bool { silent.contains(path) }
}
