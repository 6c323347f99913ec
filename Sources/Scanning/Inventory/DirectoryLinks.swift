/// The symbolic links of layers that are laid over one another, as far as they may lead to directories: `lib` → `usr/lib`.
struct DirectoryLinks {
  private var targets: [String: String] = [:]

  /// The most steps from link to link, as the kernel has it.
  private static let stepLimit = 40

  func target(of path: String) -> String? { targets[path] }

  mutating func set(_ path: String, to target: String) { if path != target { targets[path] = target } }

  /// Takes away what a removal takes with it.
  mutating func remove(_ removal: PathRemoval) {
    guard !removal.isEmpty else { return }
    for link in targets.keys where removal.takes(link) { targets[link] = nil }
  }

  mutating func remove(_ path: String) { targets[path] = nil }

  /// The path with the links on its way followed, the last name too.
  func canonical(_ path: String) -> String { followed(path, steps: 0) }

  /// The path with the links on its way followed, but for the last name.
  func canonicalParent(_ path: String) -> String {
    guard !targets.isEmpty else { return path }
    let parent = LayerPath.parent(path)
    guard !parent.isEmpty else { return path }
    let directory = canonical(String(parent))
    return directory.isEmpty ? String(LayerPath.lastName(path)) : directory + "/" + LayerPath.lastName(path)
  }

  private func followed(_ path: String, steps: Int) -> String {
    guard !targets.isEmpty, steps < Self.stepLimit else { return path }
    var end = path.startIndex
    while end < path.endIndex {
      end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
      if let target = targets[String(path[..<end])] {
        let rest = path[end...].drop { $0 == "/" }
        let next = rest.isEmpty ? target : target.isEmpty ? String(rest) : "\(target)/\(rest)"
        return followed(next, steps: steps + 1)
      }
    }
    return path
  }
}
