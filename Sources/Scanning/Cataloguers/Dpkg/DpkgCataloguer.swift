/// Reads the database of dpkg: `status`, the files of `status.d` that images without a package manager have, and which files
/// belong to which package.
///
/// Source: deb-control(5), dpkg-query(1).
struct DpkgCataloguer: Cataloguer {
  let name = "dpkg"
  let revision = 4
  let sizeLimitBytes = 32 << 20

  static let database = "var/lib/dpkg/status"
  private static let parts = "var/lib/dpkg/status.d/"
  private static let lists = "var/lib/dpkg/info/"

  func wants(_ file: Candidate) -> Bool {
    guard file.path.hasPrefix("var/lib/dpkg/") else { return false }
    // Beside a list of files the sums name nothing new; a part has only them.
    return file.path == Self.database || file.path.hasPrefix(Self.parts)
      || (file.path.hasPrefix(Self.lists) && file.path.hasSuffix(".list"))
  }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    if file.path.hasPrefix(Self.lists) || file.path.hasSuffix(".md5sums") { return try list(file) }
    // A file of `status.d` is about one package and says nothing of its status.
    let isPart = file.path.hasPrefix(Self.parts)
    return Artefact(path: file.path, cataloguer: name, components: try Self.packages(file.bytes, needsStatus: !isPart))
  }

  /// Paragraphs of fields, with an empty line between them.
  static func packages(
    _ bytes: UnsafeRawBufferPointer, needsStatus: Bool
  ) throws(CatalogueError) -> [Component] {
    try CatalogueError.refuseZeros(in: bytes)
    var found: [Component] = []
    var paragraph = Paragraph()
    var namesPackage = false
    func end() throws(CatalogueError) {
      namesPackage = namesPackage || paragraph.namesPackage
      if needsStatus, paragraph.lacksVersion { throw CatalogueError("it is damaged: a package has no version") }
      if let component = paragraph.component(needsStatus: needsStatus) { try found.appendPackage(component) }
      paragraph = Paragraph()
    }
    for line in LineReader(bytes) {
      if line.isEmpty { try end() } else { paragraph.take(line) }
    }
    try end()
    if needsStatus { try CatalogueError.refuseOther(bytes, namesPackage: namesPackage) }
    return found
  }

  private struct Paragraph {
    private var name = ""
    private var version = ""
    private var architecture: String?
    private var source: String?
    private var status: String?

    /// Lines that go on with a field begin with a space.
    mutating func take(_ line: UnsafeRawBufferPointer) {
      guard line.first != UInt8(ascii: " "), line.first != UInt8(ascii: "\t"), let field = line.field else { return }
      if field.name.equals("Package") {
        name = field.value
      } else if field.name.equals("Version") {
        version = field.value
      } else if field.name.equals("Architecture") {
        architecture = field.value
      } else if field.name.equals("Source") {
        source = field.value
      } else if field.name.equals("Status") {
        status = field.value
      }
    }

    var namesPackage: Bool { !name.isEmpty }

    /// It is said to be installed, and not as what: dpkg itself goes no further then.
    var lacksVersion: Bool { namesPackage && version.isEmpty && status?.hasSuffix(" installed") ?? false }

    func component(needsStatus: Bool) -> Component? {
      guard !name.isEmpty, !version.isEmpty else { return nil }
      // The third word says what is there. What waits to be configured is on disk; `config-files` is what a removed package leaves.
      if needsStatus || status != nil {
        guard let state = status?.split(separator: " ").last, state != "config-files", state != "not-installed" else {
          return nil
        }
      }
      var component = Component(.deb, name: name, version: version)
      component.architecture = architecture
      component.source = Self.source(source, name, version)
      component.isHeadersOnly = name == "linux-libc-dev" || name.hasPrefix("linux-headers-")
      return component
    }

    /// `name` or `name (version)`. What is missing is the package's own: a binary that was rebuilt alone (`+b1`) names the version
    /// of its source.
    private static func source(_ text: String?, _ name: String, _ version: String) -> Component.Source {
      let parts = (text ?? name).split(separator: " ", maxSplits: 1)
      let source = parts.first.map { String($0) } ?? name
      guard parts.count == 2, parts[1].hasPrefix("("), let end = parts[1].firstIndex(of: ")") else {
        return .init(name: source, version: version)
      }
      return .init(name: source, version: String(parts[1].dropFirst().prefix(upTo: end)))
    }
  }

  /// A line a path: `/usr/bin/x` in lists, `0123…cdef  usr/bin/x` in sums. Only those are kept that another cataloguer might read.
  private func list(_ file: LayerFile) throws(CatalogueError) -> Artefact? {
    let isList = file.path.hasSuffix(".list")
    var owned: [String] = []
    for line in LineReader(file.bytes) {
      guard let before = line.firstIndex(of: isList ? UInt8(ascii: "/") : UInt8(ascii: " ")) else { continue }
      let path = UnsafeRawBufferPointer(rebasing: line[(before + 1)...].drop { $0 == UInt8(ascii: " ") })
      guard LanguagePaths.mayHoldPackage(path) else { continue }
      guard owned.count < OwnedPaths.countLimit else {
        throw CatalogueError("the package owns more than \(OwnedPaths.countLimit) programs")
      }
      owned.append(path.text)
    }
    guard !owned.isEmpty else { return nil }
    let package = LayerPath.lastName(file.path).dropLast(isList ? ".list".count : ".md5sums".count).prefix { $0 != ":" }
    return Artefact(path: file.path, cataloguer: name, ownedPaths: owned, ownerName: String(package))
  }
}
