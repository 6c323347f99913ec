/// Paths that a layer takes away from those below, asked about one by one: the cost is that of the path's depth, however many there are.
struct PathRemoval {
  /// With everything below them.
  private var gone: Set<Substring> = []
  /// What is below them, not they themselves.
  private var emptied: Set<Substring> = []

  var isEmpty: Bool { gone.isEmpty && emptied.isEmpty }

  mutating func add(_ path: String, andItself: Bool) {
    if andItself { gone.insert(path[...]) } else { emptied.insert(path[...]) }
  }

  func takes(_ path: String) -> Bool {
    if gone.contains(path[...]) { return true }
    var rest = path[...]
    while let slash = rest.lastIndex(of: "/") {
      rest = rest[..<slash]
      if gone.contains(rest) || emptied.contains(rest) { return true }
    }
    return emptied.contains("") || gone.contains("")
  }
}
