internal import OCI

/// What stands beside `os-release` and says more of where the packages come from.
enum ReleaseContext {
  static let alpineRepositories = "etc/apk/repositories"
  static let ubuntuServices = "var/lib/ubuntu-advantage/status.json"

  /// The release that the main repository of Alpine is of: `edge` has the version of no release. Repositories with a mark before
  /// them are not taken from unless asked.
  ///
  /// Source: Alpine wiki, "Repositories".
  static func alpine(repositories bytes: UnsafeRawBufferPointer) -> Distribution? {
    for line in LineReader(bytes) {
      let text = line.text.trimmed
      guard !text.hasPrefix("#"), !text.hasPrefix("@") else { continue }
      let names = text.split(separator: "/").map { String($0) }
      guard names.last == "main", names.count >= 2, names.contains("alpine") else { continue }
      let release = names[names.count - 2]
      return Distribution(id: "alpine", versionID: release.hasPrefix("v") ? String(release.dropFirst()) : release)
    }
    return nil
  }

  /// Which services of Ubuntu Pro are enabled.
  ///
  /// Source: ubuntu-pro-client, "pro status --format json".
  static func ubuntu(status bytes: UnsafeRawBufferPointer) throws(CatalogueError) -> Distribution? {
    let document: JSONValue
    do throws(ParseError) { document = try JSONValue.parse(bytes, depthLimit: 32) } catch {
      throw CatalogueError("it is no JSON: \(error.message)")
    }
    guard document["attached"]?.bool == true else { return nil }
    var distribution = Distribution(id: "ubuntu")
    distribution.services = (document["services"]?.array ?? []).filter { $0["status"]?.string == "enabled" }
      .compactMap { $0["name"]?.string }.sorted()
    return distribution
  }
}
