/// Reads which operating system an image is of.
///
/// Source: os-release(5); lsb_release(1).
struct OSReleaseCataloguer: Cataloguer {
  let name = "os-release"
  let revision = 2
  let sizeLimitBytes = 1 << 20

  /// Files that name a distribution, the one that knows best first. Derived ones carry the files of what they derive from: Ubuntu has
  /// Debian's, Oracle has Red Hat's.
  static let paths = [
    "etc/os-release", "usr/lib/os-release", "etc/alpine-release", "etc/lsb-release", "etc/almalinux-release",
    "etc/rocky-release", "etc/oracle-release", "etc/fedora-release", "etc/centos-release", "etc/redhat-release",
    "etc/system-release", "etc/debian_version",
  ]

  private static let all = Set(paths + [ReleaseContext.alpineRepositories, ReleaseContext.ubuntuServices])

  func wants(_ file: Candidate) -> Bool {
    (file.path.hasPrefix("etc/") || file.path.hasPrefix("usr/lib/os") || file.path.hasPrefix("var/lib/ubuntu"))
      && Self.all.contains(file.path)
  }

  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact? {
    let distribution: Distribution?
    switch file.path {
    case "etc/os-release", "usr/lib/os-release": distribution = Self.osRelease(file.bytes)
    case "etc/alpine-release": distribution = Self.versionAlone("alpine", file.bytes)
    case "etc/debian_version": distribution = Self.debianVersion(file.bytes)
    case "etc/lsb-release": distribution = Self.lsbRelease(file.bytes)
    case ReleaseContext.alpineRepositories: distribution = ReleaseContext.alpine(repositories: file.bytes)
    case ReleaseContext.ubuntuServices: distribution = try ReleaseContext.ubuntu(status: file.bytes)
    default: distribution = Self.release(file.bytes)
    }
    return distribution.map { Artefact(path: file.path, cataloguer: name, distribution: $0) }
  }

  /// `KEY=value` lines, with quotes as a shell has them.
  static func osRelease(_ bytes: UnsafeRawBufferPointer) -> Distribution? {
    let values = assignments(bytes)
    guard let id = values["ID"], !id.isEmpty else { return nil }
    var distribution = Distribution(id: id.lowercased(), versionID: values["VERSION_ID"] ?? "")
    distribution.codename = values["VERSION_CODENAME"]
    distribution.idLike = (values["ID_LIKE"] ?? "").split(separator: " ").map { String($0) }
    distribution.cpeName = values["CPE_NAME"]
    distribution.prettyName = values["PRETTY_NAME"]
    return distribution
  }

  private static func lsbRelease(_ bytes: UnsafeRawBufferPointer) -> Distribution? {
    let values = assignments(bytes)
    guard let id = values["DISTRIB_ID"], !id.isEmpty else { return nil }
    var distribution = Distribution(id: id.lowercased(), versionID: values["DISTRIB_RELEASE"] ?? "")
    distribution.codename = values["DISTRIB_CODENAME"]
    distribution.prettyName = values["DISTRIB_DESCRIPTION"]
    return distribution
  }

  private static func assignments(_ bytes: UnsafeRawBufferPointer) -> [String: String] {
    var values: [String: String] = [:]
    for line in LineReader(bytes) {
      let text = line.text.trimmed
      guard !text.hasPrefix("#"), let equals = text.firstIndex(of: "=") else { continue }
      values[String(text[..<equals])] = unquoted(text[text.index(after: equals)...])
    }
    return values
  }

  private static func unquoted(_ value: Substring) -> String {
    guard let quote = value.first, quote == "\"" || quote == "'", value.count >= 2, value.last == quote else {
      return String(value)
    }
    let inside = value.dropFirst().dropLast()
    guard quote == "\"" else { return String(inside) }
    var text = ""
    var isEscaped = false
    for character in inside {
      if character == "\\", !isEscaped {
        isEscaped = true
      } else {
        text.append(character)
        isEscaped = false
      }
    }
    return text
  }

  private static func versionAlone(_ id: String, _ bytes: UnsafeRawBufferPointer) -> Distribution? {
    var lines = LineReader(bytes)
    guard let version = lines.next()?.text.trimmed, !version.isEmpty else { return nil }
    return Distribution(id: id, versionID: version)
  }

  /// `12.5`, or `trixie/sid` before a release.
  private static func debianVersion(_ bytes: UnsafeRawBufferPointer) -> Distribution? {
    guard var found = versionAlone("debian", bytes) else { return nil }
    guard found.versionID.first?.isNumber ?? false else {
      found.codename = found.versionID.split(separator: "/").first.map { String($0) }
      found.versionID = ""
      return found
    }
    return found
  }

  /// `Rocky Linux release 9.3 (Blue Onyx)`.
  private static func release(_ bytes: UnsafeRawBufferPointer) -> Distribution? {
    var lines = LineReader(bytes)
    guard let text = lines.next()?.text.trimmed else { return nil }
    let names = [
      ("CentOS", "centos"), ("Rocky", "rocky"), ("AlmaLinux", "almalinux"), ("Oracle", "ol"), ("Fedora", "fedora"),
      ("Red Hat", "rhel"), ("Amazon", "amzn"),
    ]
    guard let id = names.first(where: { text.hasPrefix($0.0) })?.1 else { return nil }
    let version = text.split(separator: " ").first { $0.first?.isNumber ?? false }
    var found = Distribution(id: id, versionID: version.map { String($0) } ?? "")
    found.prettyName = text
    return found
  }
}
