internal import OCI

/// What a vulnerability says of packages, gathered from the many products that it names them in.
struct CSAFAffected {
  private struct Key: Hashable {
    let release: String
    let name: String
    let isOfRedHat: Bool

    init(_ package: CSAFPackage) {
      release = package.product.release
      name = package.name
      isOfRedHat = package.product.ecosystem.name == "Red Hat"
    }
  }

  private struct Said {
    /// Of what everybody gets, and of prolonged support.
    var fixes: [Ecosystem: Set<String>] = [:]
    var hasMainFix = false
    var unmended: [Ecosystem: Affected.State] = [:]
    /// Versions that are affected, and nothing is said of others.
    var named: [Ecosystem: Set<String>] = [:]
    var severities: [Ecosystem: Severity] = [:]
  }

  private var said: [Key: Said] = [:]
  /// Sources that are affected whatever their version. They count where their binaries are not listed.
  private var sources: [(package: CSAFPackage, state: Affected.State, severity: Severity?)] = []
  private var hasBinaries = false

  /// Of fixes of a package in a release, times its products. Real ones come to some hundreds.
  private static let sharedLimit = 20_000

  /// Lists of a vulnerability. `recommended` is SUSE's word for what is mended.
  private static let mended = ["fixed", "first_fixed", "recommended"]
  private static let affected = ["known_affected", "first_affected", "last_affected", "under_investigation"]

  static var lists: [String] { mended + affected }

  /// What those lists name.
  static func products(_ vulnerability: JSONValue) -> [String] {
    lists.flatMap { (vulnerability["product_status"]?[$0]?.array ?? []).compactMap(\.string) }
  }

  /// What is affected, in the order of releases, names and ecosystems.
  static func all(_ vulnerability: JSONValue, _ tree: CSAFProductTree, _ sayings: CSAFSayings) -> [Affected] {
    var gathered = CSAFAffected()
    let status = vulnerability["product_status"]
    for list in mended {
      for id in (status?[list]?.array ?? []).compactMap(\.string) {
        guard let package = CSAFPackage(id, tree) else { continue }
        gathered.addFix(package, sayings.severity(id))
      }
    }
    for list in affected {
      for id in (status?[list]?.array ?? []).compactMap(\.string) {
        guard let package = CSAFPackage(id, tree) else { continue }
        let state = list == "under_investigation" ? .underInvestigation : sayings.state(id)
        gathered.addAffected(package, state, sayings.severity(id))
      }
    }
    return gathered.finished()
  }

  private mutating func addFix(_ package: CSAFPackage, _ severity: Severity?) {
    guard let version = package.version, !package.isSource else { return }
    let ecosystem = package.product.ecosystem
    change(package, severity) { said in
      said.fixes[ecosystem, default: []].insert(version)
      if package.product.isMain { said.hasMainFix = true }
    }
  }

  private mutating func addAffected(_ package: CSAFPackage, _ state: Affected.State, _ severity: Severity?) {
    if package.isSource {
      if package.version == nil { sources.append((package, state, severity)) }
      return
    }
    let ecosystem = package.product.ecosystem
    if package.version == nil, ecosystem.name == "Red Hat" { hasBinaries = true }
    change(package, severity) { said in
      if let version = package.version {
        said.named[ecosystem, default: []].insert(version)
      } else {
        let known = said.unmended[ecosystem]
        if known.map({ state.hope < $0.hope }) ?? true { said.unmended[ecosystem] = state }
      }
    }
  }

  private mutating func change(_ package: CSAFPackage, _ severity: Severity?, _ change: (inout Said) -> Void) {
    let ecosystem = package.product.ecosystem
    let key = Key(package)
    change(&said[key, default: Said()])
    guard let severity else { return }
    let known = said[key]?.severities[ecosystem]
    if known.map({ $0.band < severity.band }) ?? true { said[key]?.severities[ecosystem] = severity }
  }

  private consuming func finished() -> [Affected] {
    if !hasBinaries {
      for source in sources {
        var package = source.package
        package.name = RedHatProducts.sourceName(package.name)
        package.isSource = false
        addAffected(package, source.state, source.severity)
      }
    }
    return said.keys.sorted { ($0.release, $0.name) < ($1.release, $1.name) }.flatMap { key in
      said[key].map { Self.affected(key, $0) } ?? []
    }
  }

  /// What the products of one release say of a package.
  private static func affected(_ key: Key, _ said: Said) -> [Affected] {
    let ecosystems = Set(said.fixes.keys).union(said.unmended.keys).union(said.named.keys)
    // Each minor release of Red Hat has fixes of its own, and packages do not say which repository they are from.
    let all = key.isOfRedHat ? RedHatFixes.reduced(said.fixes) : []
    let isShared = key.isOfRedHat && all.count * ecosystems.count <= sharedLimit
    return ecosystems.sorted { $0.description < $1.description }.compactMap { ecosystem in
      var affected = Affected(ecosystem: ecosystem, name: key.name)
      for fix in isShared ? all : (said.fixes[ecosystem] ?? []).sorted() {
        affected.ranges.append(AdvisoryRange(.ecosystem, [.introduced("0"), .fixed(fix)]))
      }
      // What one product of a release has mended another does not leave unmended: an image takes from all of them.
      if let state = said.unmended[ecosystem], !said.hasMainFix {
        affected.state = state
        affected.ranges.append(AdvisoryRange(.ecosystem, [.introduced("0")]))
      }
      affected.versions = (said.named[ecosystem] ?? []).sorted()
      affected.severities = said.severities[ecosystem].map { [$0] } ?? []
      return affected.ranges.isEmpty && affected.versions.isEmpty ? nil : affected
    }
  }
}

extension Affected.State {
  /// Of two that are said of one package the better one is told.
  fileprivate var hope: Int {
    switch self {
    case .affected: 0
    case .deferred: 1
    case .willNotFix: 2
    case .endOfLife: 3
    case .underInvestigation: 4
    }
  }
}
