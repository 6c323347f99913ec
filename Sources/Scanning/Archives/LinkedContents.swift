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
      && bytes + Self.cost(of: candidate.path, Int(candidate.size)) <= limits.linkedBytes
  }

  /// With its name, and what an entry takes in a table: a layer may have millions of small files.
  private static func cost(of path: String, _ size: Int) -> Int { size + path.utf8.count + 128 }

  mutating func add(_ content: [UInt8], of path: String) {
    forgetContent(of: path)
    bytes += Self.cost(of: path, content.count)
    contents[path] = content
  }

  private mutating func forgetContent(of path: String) {
    if let content = contents.removeValue(forKey: path) { bytes -= Self.cost(of: path, content.count) }
  }

  mutating func addSilent(_ path: String) { silent.insert(path) }

  /// Takes away what was known of a path: another entry stands there now.
  mutating func forget(_ path: String) {
    silent.remove(path)
    forgetContent(of: path)
  }

  func content(of path: String) -> [UInt8]? { contents[path] }

  func isSilent(_ path: String) -> Bool { silent.contains(path) }
}
