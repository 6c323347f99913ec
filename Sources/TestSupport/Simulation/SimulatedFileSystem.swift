import Ground

/// What a simulated disk holds: what a process sees, and what would be left by a power cut.
///
/// Names and contents become durable apart. A change of names (create, rename, unlink) waits until a directory it
/// concerns is synced, or may survive by itself, in any order among the others; a rename survives in both of its
/// directories or in none. A write or truncation waits until its file is synced, or may survive by itself, whole, torn
/// or as zeros.
struct SimulatedFileSystem {
  enum Target: Equatable { case file(Int), directory }

  struct File {
    var content: [UInt8] = []
    var durable: [UInt8] = []
    var unsynced: [ContentChange] = []
  }

  enum ContentChange {
    case write(Int, [UInt8])
    case truncate(Int)

    func apply(to content: inout [UInt8]) {
      switch self {
      case .write(let offset, let bytes):
        let end = offset + bytes.count
        if content.count < end { content += [UInt8](repeating: 0, count: end - content.count) }
        content.replaceSubrange(offset..<end, with: bytes)
      case .truncate(let size):
        if content.count > size { content.removeLast(content.count - size) }
        if content.count < size { content += [UInt8](repeating: 0, count: size - content.count) }
      }
    }
  }

  /// What one change of names makes of each name that it concerns.
  struct NameChange {
    let number: Int
    let effects: [(path: String, target: Target?)]
  }

  private(set) var names: [String: Target] = ["/": .directory]
  /// The names in each directory, sorted.
  private var children: [String: [String]] = ["/": []]
  var files: [Int: File] = [:]
  private var durableNames: [String: (target: Target?, number: Int)] = ["/": (.directory, 0)]
  private var unsyncedNames: [NameChange] = []
  private var nextNumber = 1
  private var nextFile = 1

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  func isDirectory(_ path: String) -> Bool { names[path] == .directory }

  func file(_ path: String) -> Int? {
    if case .file(let file)? = names[path] { file } else { nil }
  }

  func list(_ directory: String) -> [String] { children[directory] ?? [] }

  mutating func makeFile(_ path: String) -> Int {
    let file = nextFile
    nextFile += 1
    files[file] = File()
    change([(path, .file(file))])
    return file
  }

  mutating func makeDirectory(_ path: String) { change([(path, .directory)]) }

  mutating func unlink(_ path: String) { change([(path, nil)]) }

  mutating func rename(_ source: String, to target: String) { change([(target, names[source]), (source, nil)]) }

  private mutating func change(_ effects: [(path: String, target: Target?)]) {
    for effect in effects { see(effect.path, effect.target) }
    unsyncedNames.append(NameChange(number: nextNumber, effects: effects))
    nextNumber += 1
  }

  private mutating func see(_ path: String, _ target: Target?) {
    names[path] = target
    let parent = Self.parent(of: path)
    let name = String(path.dropFirst(parent == "/" ? 1 : parent.utf8.count + 1))
    let place = children[parent]?.place(of: name) ?? 0
    let isListed = children[parent].map { place < $0.count && $0[place] == name } ?? false
    if target == nil && isListed { children[parent]?.remove(at: place) }
    if target != nil && !isListed { children[parent, default: []].insert(name, at: place) }
    if target == .directory, children[path] == nil { children[path] = [] }
  }

  mutating func syncDirectory(_ directory: String) {
    let concerned = { (change: NameChange) in change.effects.contains { Self.parent(of: $0.path) == directory } }
    for change in unsyncedNames where concerned(change) { keep(change) }
    unsyncedNames.removeAll(where: concerned)
  }

  private mutating func keep(_ change: NameChange) {
    for effect in change.effects where (durableNames[effect.path]?.number ?? -1) < change.number {
      durableNames[effect.path] = (effect.target, change.number)
    }
  }

  mutating func write(_ change: ContentChange, to file: Int) {
    guard var entry = files.removeValue(forKey: file) else { return }
    change.apply(to: &entry.content)
    entry.unsynced.append(change)
    files[file] = entry
  }

  mutating func sync(_ file: Int) {
    guard var entry = files.removeValue(forKey: file) else { return }
    // Change by change, and not the whole content: what a failed sync has dropped does not come back.
    for change in entry.unsynced { change.apply(to: &entry.durable) }
    entry.unsynced = []
    files[file] = entry
  }

  /// A sync that failed: the system believes the pages to be clean from now on, and they were never written. Linux does
  /// so.
  mutating func dropUnsynced(_ file: Int) { files[file]?.unsynced = [] }

  // MARK: - Power cut

  /// How much of what was not synced survives.
  private enum Survival: CaseIterable { case nothing, everything, some, most }

  /// Leaves what the medium holds, and of what was not synced whatever the seed chooses.
  mutating func losePower(seed: UInt64) {
    let chance = SeededRandom(seed: seed)
    // The first seeds are the two extremes, so that few seeds are enough to see them.
    let survival = Survival.allCases[Int(seed % 4)]
    func survives() -> Bool {
      switch survival {
      case .nothing: false
      case .everything: true
      case .some: chance.next() % 2 == 0
      case .most: chance.next() % 8 != 0
      }
    }
    let changes = unsyncedNames
    unsyncedNames = []
    for change in changes where survives() { keep(change) }
    for file in files.keys.sorted() {
      guard var entry = files.removeValue(forKey: file) else { continue }
      for change in entry.unsynced {
        if survives() {
          change.apply(to: &entry.durable)
        } else if survival != .nothing {
          Self.tear(change, chance)?.apply(to: &entry.durable)
        }
      }
      entry.unsynced = []
      entry.content = entry.durable
      files[file] = entry
    }
    remount(changes)
  }

  /// A part of a change that did not survive whole, or nothing of it.
  private static func tear(_ change: ContentChange, _ chance: SeededRandom) -> ContentChange? {
    guard case .write(let offset, let bytes) = change, !bytes.isEmpty else { return nil }
    switch chance.next() % 4 {
    case 0: return .write(offset, Array(bytes.prefix(Int(chance.next() % UInt64(bytes.count)))))
    case 1: return .write(offset, [UInt8](repeating: 0, count: bytes.count))
    case 2:
      let whole = Int(chance.next() % UInt64(bytes.count))
      return .write(offset, Array(bytes.prefix(whole)) + [UInt8](repeating: 0, count: bytes.count - whole))
    default: return nil
    }
  }

  /// Makes what is durable what is seen, in the names that `lost` concerns; the others are so already.
  private mutating func remount(_ lost: [NameChange]) {
    for path in Set(lost.flatMap { $0.effects.map(\.path) }).sorted() {
      let target = isDirectory(Self.parent(of: path)) ? durableNames[path]?.target : nil
      if target == nil && isDirectory(path) { forgetTree(path) }
      see(path, target)
    }
    let named = Set(names.values.compactMap { if case .file(let file) = $0 { file } else { nil } })
    files = files.filter { named.contains($0.key) }
  }

  /// A directory that is gone takes everything with it that was made in it.
  private mutating func forgetTree(_ directory: String) {
    for path in names.keys where path.hasPrefix(directory + "/") { names[path] = nil }
    for path in durableNames.keys where path.hasPrefix(directory + "/") { durableNames[path] = nil }
    for path in children.keys where path.hasPrefix(directory + "/") { children[path] = nil }
    children[directory] = nil
  }
}

extension [String] {
  /// Where `name` is, or would be, in a sorted array.
  fileprivate func place(of name: String) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < name { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
