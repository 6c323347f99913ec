/// Puts environment variables into settings.
struct SettingsEnvironmentReader {
  let table: SettingTable

  static let prefix = "BERTH_"
  /// Names the configuration file; not a setting itself.
  static let configName = "BERTH_CONFIG"
  /// Names the server that other commands talk to; not a setting either, and often set for the whole shell.
  static let serverName = "BERTH_SERVER"

  /// Reads every variable that begins with `BERTH_`. An empty one counts as not set, so that
  /// `BERTH_PUBLIC_URL=${URL:-}` does what it seems to.
  func read(_ environment: [String: String], into loading: inout SettingsLoading) {
    var chosen: [String: (name: String, value: String)] = [:]
    for (name, value) in environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(Self.prefix) && name != Self.configName && name != Self.serverName && !value.isEmpty {
      let place = SettingSource.environment(name: ConfigurationFile.printable(name))
      guard let definition = table.definition(environmentName: name) else {
        if Self.isInjected(name, value) { continue }
        // Compared without the prefix, which all of them share.
        let stems = (table.environmentNames + [Self.configName]).map { String($0.dropFirst(Self.prefix.count)) }
        let near = loading.errors.isFull ? nil : nearest(to: String(name.dropFirst(Self.prefix.count)), among: stems)
        loading.errors.append(place, "unknown variable" + (near.map { "; did you mean \(Self.prefix)\($0)?" } ?? ""))
        continue
      }
      if let other = chosen.updateValue((name, value), forKey: definition.path) {
        if other.value != value {
          loading.fail(definition, place, "is also set by \(other.name), to another value; set only one of them")
        }
        continue
      }
      loading.apply(.text(value), to: definition, from: place)
    }
  }

  /// Kubernetes and Docker describe a service called `berth` or `berth-…` to its neighbours by variables such as
  /// `BERTH_SERVICE_HOST`, `BERTH_PORT=tcp://10.0.0.7:5000` and `BERTH_PORT_5000_TCP_ADDR`.
  static func isInjected(_ name: String, _ value: String) -> Bool {
    if name.hasSuffix("_SERVICE_HOST") || name.hasSuffix("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
      return true
    }
    let parts = name.split(separator: "_")
    // A bare port number is somebody who wants to set the port.
    guard let port = parts.lastIndex(of: "PORT") else { return false }
    if port == parts.count - 1 {
      return value.contains("://") || isInjectedPort(parts.dropLast())
    }
    return isInjectedPort(parts[...]) || isInjectedPort(parts.dropLast())
  }

  /// Whether a name ends in `PORT_5000_TCP`.
  private static func isInjectedPort(_ parts: ArraySlice<Substring>) -> Bool {
    let tail = Array(parts.suffix(3))
    return tail.count == 3 && tail[0] == "PORT" && tail[1].utf8.allSatisfy(isDigit)
      && ["TCP", "UDP", "SCTP"].contains(tail[2])
  }
}
