import Testing

/// Which module may import which: the arrows of ARCHITECTURE.md.
struct ModuleRule: Sendable, CustomTestStringConvertible {
  let name: String
  /// Modules of this package.
  let ours: Set<String>
  /// Modules from elsewhere. Only the rooms that need the network, the clock or a thread have them.
  let others: Set<String>

  init(_ name: String, ours: Set<String> = [], others: Set<String> = []) {
    self.name = name
    self.ours = ours
    self.others = others
  }

  var testDescription: String { name }
}

enum ModuleTable {
  static let rules = [
    ModuleRule("OCI"),
    ModuleRule("Ground", others: ["CLinux", "Glibc", "Synchronization"]),
    ModuleRule(
      "Scanning", ours: ["OCI"],
      others: ["CCompression", "CISAL", "CLibCrypto", "CLinux", "CSQLite", "Glibc", "Synchronization"]),
    ModuleRule(
      "BlobStorage", ours: ["OCI", "Ground"],
      others: [
        "AsyncHTTPClient", "CLibCrypto", "CLinux", "Glibc", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL",
        "Synchronization",
      ]),
    ModuleRule(
      "Metadata", ours: ["OCI", "Ground"],
      others: ["CLinux", "CPostgres", "CSQLite", "Glibc", "Logging", "Synchronization"]),
    ModuleRule(
      "Access", ours: ["OCI", "Ground", "Metadata"],
      others: ["AsyncHTTPClient", "CCrypt", "CLibCrypto", "Glibc", "NIOCore", "NIOHTTP1", "Synchronization"]),
    ModuleRule(
      "RegistryCore", ours: ["OCI", "Ground", "BlobStorage", "Metadata", "Access", "Scanning"],
      others: ["Logging", "NIOCore", "Synchronization"]),
    ModuleRule(
      "Upkeep", ours: ["OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Scanning"],
      others: ["CLinux", "Glibc", "Logging", "NIOCore", "ServiceLifecycle", "Synchronization"]),
    ModuleRule(
      "HTTPService", ours: ["OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Scanning"],
      others: [
        "CLinux", "Glibc", "Logging", "NIOCore", "NIOHTTP1", "NIOHTTP2", "NIOPosix", "NIOSSL", "NIOTLS",
        "ServiceLifecycle",
        "Synchronization",
      ]),
    ModuleRule(
      "berth",
      ours: [
        "OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Upkeep", "HTTPService", "Scanning",
      ],
      others: [
        "ArgumentParser", "AsyncHTTPClient", "CLinux", "CYAML", "Dispatch", "Glibc", "Logging", "NIOCore", "NIOHTTP1",
        "NIOPosix", "NIOSSL", "ServiceLifecycle", "Synchronization", "UnixSignals",
      ]),
    // Only tests use it, and tests may use everything.
    ModuleRule(
      "TestSupport",
      ours: [
        "OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Upkeep", "HTTPService", "Scanning",
      ],
      others: [
        "CLinux", "CLibCrypto", "CSQLite", "Dispatch", "Foundation", "Glibc", "Logging", "NIOCore", "NIOPosix",
        "ServiceLifecycle", "Synchronization",
      ]),
  ]

  static let names = Set(rules.map(\.name))
}
