/// What CBL-Mariner and Azure Linux leave in images without rpm: a line a package, with tabs between its fields.
///
/// Fields: name, version-release, two times of installation and building, vendor, (none), size, architecture, epoch, source package.
///
/// Source: Azure Linux, toolkit, "container-manifest-2": `rpm -qa --qf` of these fields.
enum RPMManifest {
  /// A line has some 150 bytes.
  private static let sizeLimitBytes = 8 << 20
  static let path = "var/lib/rpmmanifest/container-manifest-2"

  static func packages(_ bytes: UnsafeRawBufferPointer) throws(CatalogueError) -> [RPMPackage] {
    var found: [RPMPackage] = []
    guard bytes.count <= sizeLimitBytes else { throw CatalogueError("it has more than \(sizeLimitBytes) bytes") }
    for line in LineReader(bytes) where !line.isEmpty {
      let fields = line.text.split(separator: "\t", maxSplits: 10, omittingEmptySubsequences: false).map { $0.trimmed }
      guard fields.count >= 10, !fields[0].isEmpty, let dash = fields[1].lastIndex(of: "-"),
        found.count < RPMDatabase.packageLimit
      else { throw CatalogueError("a line of it is no record of a package") }
      func value(_ index: Int) -> String? { fields[index] == "(none)" || fields[index].isEmpty ? nil : fields[index] }
      found.append(
        RPMPackage(
          name: fields[0], epoch: value(8).flatMap { Int($0) }, version: String(fields[1][..<dash]),
          release: String(fields[1][fields[1].index(after: dash)...]), architecture: value(7), sourcePackage: value(9),
          vendor: value(4)))
    }
    return found
  }
}
