import Testing

@testable import berth

/// Files of `deploy/` that set by variables and flags what `deploy/berth.yaml` sets by lines.
@Suite("Files in deploy")
struct DeployFilesTests {
  static let paths = [
    "deploy/compose.yaml", "deploy/kubernetes/berth.yaml", "deploy/berth.service", "deploy/berth-replica@.service",
    "deploy/make-image",
  ]

  @Test("What a file in deploy sets are settings, and values that they take", arguments: paths)
  func settings(_ path: String) throws {
    let loaded = try load(path)
    #expect(!loaded.sources.isEmpty)
    // Also those whose values are elsewhere, in a Secret.
    let names = try text(path).matches(of: /name: (BERTH_[A-Z0-9_]+)/).map { String($0.output.1) }
    #expect(Set(names).subtracting(SettingTable.standard.environmentNames).sorted() == [])
  }

  @Test(
    "Who stops a server waits longer than it drains and finishes",
    arguments: [
      ("deploy/compose.yaml", "stop_grace_period: "),
      ("deploy/kubernetes/berth.yaml", "terminationGracePeriodSeconds: "),
      ("deploy/berth.service", "\nTimeoutStopSec="), ("deploy/berth-replica@.service", "\nTimeoutStopSec="),
    ])
  func stop(path: String, key: String) throws {
    let waits = try text(path).split(separator: key).dropFirst().map { $0.prefix { $0.isLetter || $0.isNumber } }
    #expect(!waits.isEmpty)
    let limits = try load(path).settings.limits
    for wait in waits {
      let value = wait.allSatisfy(\.isNumber) ? "\(wait)s" : String(wait)
      let time = try load(["BERTH_LIMITS_SHUTDOWN_GRACE": value]).settings.limits.shutdownGrace
      #expect(time > limits.drainDelay + limits.shutdownGrace, "\(path): \(wait)")
    }
  }

  /// Passwords that the user makes, and the port that an instance of a unit is named after, as some would be.
  private func text(_ path: String) throws -> String {
    try repositoryFile(path).replacing(/\$\{[^}]*\}/, with: "secret").replacing("%i", with: "5001")
  }

  private func load(_ path: String) throws -> LoadedSettings {
    let text = try text(path)
    let variables = text.matches(of: /(BERTH_[A-Z0-9_]+)(?:: "|=|, value: "?)([^"\n},]+)/).map {
      (String($0.output.1), String($0.output.2))
    }
    let addresses = text.matches(of: /--listen[", ]+([^" \n\]]+)/).map { String($0.output.1) }
    let flags = addresses.isEmpty ? [] : [SettingFlag("--listen", addresses)]
    return try load(Dictionary(variables) { _, last in last }, flags: flags)
  }

  private func load(_ environment: [String: String], flags: [SettingFlag] = []) throws -> LoadedSettings {
    try Settings.load(flags: flags, environment: environment, defaultConfigPath: "/nowhere/berth.yaml")
  }
}
