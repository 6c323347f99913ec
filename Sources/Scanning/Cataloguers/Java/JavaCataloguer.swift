/// Reads archives of Java, and those that stand in them.
///
/// Source: JAR File Specification; Maven, "Apache Maven Archiver", `pom.properties`.
struct JavaCataloguer: StreamCataloguer {
  let name = "java"
  let revision = 2

  private static let endings = [".jar", ".war", ".ear", ".par", ".jpi", ".hpi", ".rar", ".kar"]

  /// An archive begins with a member, with its end when it is empty, or with a script that starts it.
  func wants(_ file: Candidate) -> Bool {
    guard Self.isArchive(file.path), let first = file.start.first else { return false }
    return first == UInt8(ascii: "P") || first == UInt8(ascii: "#")
  }

  /// Asked of every file of every layer.
  static func isArchive(_ path: String) -> Bool {
    guard let last = path.utf8.last, last == UInt8(ascii: "r") || last == UInt8(ascii: "i") else { return false }
    return endings.contains { path.hasSuffix($0) }
  }

  func artefact(
    in path: String, _ content: any ByteSource, gaps: inout [String]
  ) throws(StreamFailure) -> Artefact? {
    var found = JavaFindings()
    defer { gaps += found.gaps }
    try read(content, path, depth: 1, ZipBudget(), &found)
    guard !found.components.isEmpty else { return nil }
    return Artefact(path: path, cataloguer: name, components: found.components)
  }

  private func read(
    _ content: any ByteSource, _ path: String, depth: Int, _ budget: ZipBudget, _ found: inout JavaFindings
  ) throws(StreamFailure) {
    let walk = ZipWalk(content, budget)
    var identity = JavaIdentity(fileName: String(LayerPath.lastName(path)))
    while let member = try walk.next() {
      let isInner = Self.isArchive(member.name)
      let isManifest = member.name == "META-INF/MANIFEST.MF"
      let isProject = member.name.hasPrefix("META-INF/maven/") && member.name.hasSuffix("/pom.properties")
      guard isInner || isManifest || isProject else { continue }
      guard member.isStored || member.isDeflated else {
        found.miss(member.name, "it is packed in a way that is not known")
        continue
      }
      if isInner {
        guard depth < budget.limits.depth else {
          found.miss(member.name, "it is more than \(budget.limits.depth) archives deep")
          continue
        }
        try readInner(walk, member.name, depth: depth + 1, budget, &found)
      } else if let bytes = try walk.document() {
        if isManifest { identity.take(manifest: bytes) } else { identity.take(properties: bytes) }
      } else {
        found.miss(member.name, "it has more than \(budget.limits.documentBytes) bytes")
      }
    }
    for component in identity.components { found.add(component) }
  }

  /// An archive in an archive. What is wrong with it is its own: the outer one is read on.
  private func readInner(
    _ walk: ZipWalk, _ name: String, depth: Int, _ budget: ZipBudget, _ found: inout JavaFindings
  ) throws(StreamFailure) {
    let failure = ZipMemberSource.Failure()
    do throws(StreamFailure) {
      try read(ZipMemberSource(walk: walk, failure: failure), name, depth: depth, budget, &found)
    } catch {
      if let outer = failure.value { throw outer }
      // A limit that all of them share ends all of them.
      try budget.countUnpacked(0)
      try budget.countMember()
      switch error {
      case .file(let broken): found.miss(name, broken.reason)
      case .layer(let broken): found.miss(name, "\(broken)")
      }
    }
  }
}

/// What was found in an archive and in those in it.
private struct JavaFindings {
  /// Packages that one file may name.
  private static let componentLimit = 20_000
  /// So many of the members that were not read are named.
  private static let gapLimit = 20

  private(set) var components: [Component] = []
  private var seen: Set<Component> = []
  /// What was not read.
  private(set) var gaps: [String] = []

  mutating func add(_ component: Component) {
    guard components.count < Self.componentLimit, seen.insert(component).inserted else { return }
    components.append(component)
  }

  mutating func miss(_ member: String, _ reason: String) {
    guard gaps.count <= Self.gapLimit else { return }
    let isLast = gaps.count == Self.gapLimit
    gaps.append(isLast ? "more of it was not read" : "\(member.prefix(256)) in it was not read: \(reason)")
  }
}

/// What an archive says of itself.
struct JavaIdentity {
  private let fileName: String
  private var poms: [(group: String, artifact: String, version: String)] = []
  private var manifest: [String: String] = [:]

  init(fileName: String) { self.fileName = fileName }

  mutating func take(properties bytes: [UInt8]) {
    var values: [Substring: Substring] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
      guard !line.hasPrefix("#"), !line.hasPrefix("!"),
        let separator = line.firstIndex(where: { $0 == "=" || $0 == ":" })
      else { continue }
      values[Substring(line[..<separator].trimmed)] = Substring(line[line.index(after: separator)...].trimmed)
    }
    guard let group = values["groupId"], let artifact = values["artifactId"], let version = values["version"],
      !group.isEmpty, !artifact.isEmpty, !version.isEmpty
    else { return }
    poms.append((String(group), String(artifact), String(version)))
  }

  /// The main section: lines of `Name: value`, the long ones folded.
  mutating func take(manifest bytes: [UInt8]) {
    var last = ""
    let lines = String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for line in lines {
      if line.isEmpty { break }
      if line.hasPrefix(" ") {
        manifest[last]? += line.dropFirst()
        continue
      }
      guard let colon = line.firstIndex(of: ":") else { continue }
      last = line[..<colon].lowercased()
      manifest[last] = line[line.index(after: colon)...].trimmed
    }
  }

  var components: [Component] {
    let projects = poms.map { Component(.maven, name: "\($0.group):\($0.artifact)", version: $0.version) }
    // Of one that holds others alone, its own project is known by its name.
    let base = Self.parts(of: fileName).base
    let isNamed = poms.contains { $0.artifact == base } || (poms.count == 1 && base.hasPrefix(poms[0].artifact))
    return (isNamed ? [] : own.map { [$0] } ?? []) + projects
  }

  /// Of an archive that does not name its own project: by its manifest and by the name of its file.
  private var own: Component? {
    let (base, fileVersion) = Self.parts(of: fileName)
    let symbolic = manifest["bundle-symbolicname"].map { String($0.prefix { $0 != ";" }).trimmed }
    let artifact = base.isEmpty ? manifest["implementation-title"] ?? symbolic ?? "" : base
    let version = [
      fileVersion, manifest["implementation-version"], manifest["bundle-version"], manifest["specification-version"],
    ].compactMap { $0 }.first { $0.first?.isNumber ?? false && !$0.contains(" ") && !$0.contains("$") }
    guard !artifact.isEmpty, let version else { return nil }
    let group = group(of: artifact, symbolic)
    return Component(.maven, name: group.map { "\($0):\(artifact)" } ?? artifact, version: version)
  }

  private func group(of artifact: String, _ symbolic: String?) -> String? {
    for name in [symbolic, manifest["automatic-module-name"]].compactMap({ $0 }) where name.hasSuffix("." + artifact) {
      return String(name.dropLast(artifact.count + 1))
    }
    return manifest["implementation-vendor-id"].flatMap { $0.contains(".") && !$0.contains(" ") ? $0 : nil }
  }

  /// `spring-core-5.3.1.jar` → `spring-core`, `5.3.1`.
  static func parts(of fileName: String) -> (base: String, version: String?) {
    let base = fileName.lastIndex(of: ".").map { fileName[..<$0] } ?? fileName[...]
    var position = base.startIndex
    while let dash = base[position...].firstIndex(of: "-") {
      let next = base.index(after: dash)
      if next < base.endIndex, base[next].isASCII, base[next].isNumber {
        return (String(base[..<dash]), String(base[next...]))
      }
      position = next
    }
    return (String(base), nil)
  }
}
