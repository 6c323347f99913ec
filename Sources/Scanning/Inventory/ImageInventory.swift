/// What an image holds once its layers are laid over one another as the runtime does.
///
/// Artefacts are replaced and removed as wholes, by their paths: the file of a newer layer stands in place of the older one, and a
/// whiteout or a file in place of a directory takes it away.
///
/// Source: image-spec, layer.md, "Applying Changesets" and "Whiteouts".
public struct ImageInventory: Sendable, Hashable {
  /// What can be said of the image.
  public enum State: Sendable, Hashable {
    case inventoried
    /// There are packages of an operating system, and nothing says of which.
    case unknownDistribution
    /// A layer took these databases of packages away, and nothing new stands in their place: what is installed is not known.
    case packageDatabaseRemoved([String])
    /// The distribution is known, and what is installed is not: these databases name no package, or there is none.
    case packageDatabaseMissing(empty: [String])
  }

  public struct Installed: Sendable, Hashable {
    public var component: Component
    /// The position of the layer that names it, from the base on.
    public var layer: Int
    /// The artefact that names it.
    public var path: String
    /// The package of the operating system that the artefact belongs to.
    public var ownedBy: String?
  }

  public struct FoundNotice: Sendable, Hashable {
    public var notice: Notice
    public var layer: Int
    /// An upper layer removes or replaces the file; its layer still carries it.
    public var isHidden: Bool
  }

  public var state = State.inventoried
  public var distribution: Distribution?
  public var components: [Installed] = []
  public var notices: [FoundNotice] = []

  /// - Parameter layers: from the base on.
  public init(folding layers: [LayerInventory]) {
    var fold = Fold()
    for (index, layer) in layers.enumerated() { fold.apply(layer, at: index) }
    self = fold.inventory
  }

  fileprivate init() {}
}

/// An image in the making.
private struct Fold {
  private struct Placed {
    let artefact: Artefact
    let layer: Int
  }

  /// By path and cataloguer: two may read the same file.
  private var artefacts: [String: [Placed]] = [:]
  private var notices: [ImageInventory.FoundNotice] = []
  private var links = DirectoryLinks()
  private var removedDatabases: Set<String> = []

  mutating func apply(_ layer: LayerInventory, at index: Int) {
    // Whiteouts act on what lies below, wherever they stand in the archive.
    var removal = PathRemoval()
    for whiteout in layer.whiteouts {
      // A link is taken away itself, not what it leads to.
      let path = whiteout.kind == .path ? links.canonicalParent(whiteout.path) : canonical(whiteout.path)
      removal.add(path, andItself: whiteout.kind == .path)
    }
    // A file in place of a link takes the link away, and nothing of what that leads to.
    let replacements = layer.replacements.map { links.canonicalParent($0) }
    for path in replacements { removal.add(path, andItself: false) }
    remove(removal)
    links.remove(removal)
    for path in replacements { links.remove(path) }
    var replacing = PathRemoval()
    for link in layer.directoryLinks {
      let path = links.canonicalParent(link.path)
      // A link in place of a directory takes the directory away, unless it leads to where its content is moved.
      if links.target(of: path) != link.target { replacing.add(path, andItself: false) }
      links.set(path, to: link.target)
    }
    remove(replacing)
    let replaced = Set(layer.artefacts.map { canonical($0.path) })
    for path in replaced { artefacts[path] = nil }
    hideNotices { replaced.contains($0) }
    for artefact in layer.artefacts {
      let path = canonical(artefact.path)
      // Of two names of one file the last one stands there.
      artefacts[path, default: []].removeAll { $0.artefact.cataloguer == artefact.cataloguer }
      artefacts[path, default: []].append(Placed(artefact: artefact, layer: index))
      if artefact.isPackageDatabase { removedDatabases.remove(path) }
    }
    notices += layer.notices.map { .init(notice: $0, layer: index, isHidden: false) }
  }

  private mutating func remove(_ removal: PathRemoval) {
    guard !removal.isEmpty else { return }
    for (path, placed) in artefacts where removal.takes(path) {
      artefacts[path] = nil
      if placed.contains(where: { $0.artefact.isPackageDatabase }) { removedDatabases.insert(path) }
    }
    hideNotices { removal.takes($0) }
  }

  private mutating func hideNotices(_ isGone: (String) -> Bool) {
    for index in notices.indices where isGone(canonical(notices[index].notice.path)) { notices[index].isHidden = true }
  }

  private func canonical(_ path: String) -> String { links.canonical(path) }

  // MARK: The outcome

  var inventory: ImageInventory {
    var inventory = ImageInventory()
    let placed = artefacts.sorted { $0.key < $1.key }.flatMap { path, all in all.map { (path: path, placed: $0) } }
    inventory.distribution = Distribution(choosing: placed.map(\.placed.artefact))
    var owners: [String: String] = [:]
    for (_, item) in placed where !item.artefact.ownedPaths.isEmpty {
      for (position, path) in item.artefact.ownedPaths.enumerated() {
        owners[canonical(path)] = item.artefact.owner(ofPathAt: position) ?? item.artefact.cataloguer
      }
    }
    for (path, item) in placed {
      for component in item.artefact.components {
        inventory.components.append(
          .init(
            component: component, layer: item.layer, path: item.artefact.path,
            ownedBy: component.type.isOperatingSystem ? nil : owners[path]))
      }
    }
    inventory.notices = notices.filter { !$0.isHidden || $0.notice.kind == .secret }
    inventory.state = state(of: inventory)
    return inventory
  }

  private func state(of inventory: ImageInventory) -> ImageInventory.State {
    guard !inventory.components.contains(where: { $0.component.type.isOperatingSystem }) else {
      return inventory.distribution == nil ? .unknownDistribution : .inventoried
    }
    let removed = removedDatabases.filter { artefacts[$0] == nil }
    if !removed.isEmpty { return .packageDatabaseRemoved(removed.sorted()) }
    let empty = artefacts.filter { $0.value.contains { $0.artefact.isPackageDatabase } }.keys.sorted()
    // Without a distribution and its packages there may be nothing but a program.
    guard inventory.distribution != nil || !empty.isEmpty else { return .inventoried }
    return .packageDatabaseMissing(empty: empty)
  }
}

extension Artefact {
  /// It says what the operating system has installed.
  var isPackageDatabase: Bool {
    Self.databaseCataloguers.contains(cataloguer) && ownerName == nil
  }
}
