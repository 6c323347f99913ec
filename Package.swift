// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target of Berth is compiled alike: Swift 6 mode, explicit existentials, imports that do not leak.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "berth",
  products: [
    .executable(name: "berth", targets: ["berth"]),
    // For Fuzz/ only: what it feeds with broken bytes.
    .library(
      name: "BerthParts",
      targets: [
        "OCI", "Ground", "Metadata", "Access", "BlobStorage", "RegistryCore", "HTTPService", "Scanning", "TestSupport",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CCompression", providers: [.apt(["zlib1g-dev", "libzstd-dev", "libbz2-dev", "liblzma-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .target(name: "CLinux"),
    .target(name: "CPostgres"),
    .target(name: "CISAL"),

    .target(name: "OCI", exclude: ["README.md"], swiftSettings: strict),
    .target(name: "Ground", dependencies: ["CLinux"], exclude: ["README.md"], swiftSettings: strict),
    .target(
      name: "Scanning", dependencies: ["OCI", "CCompression", "CISAL", "CLinux", "CSQLite", "CLibCrypto"],
      exclude: ["README.md"],
      swiftSettings: strict),
    .target(
      name: "BlobStorage",
      dependencies: [
        "OCI", "Ground", "CLinux", "CLibCrypto", nioCore, nioPosix, nioHTTP1, nioSSL, httpClient, logging,
      ], exclude: ["README.md"], swiftSettings: strict),
    .target(
      name: "Metadata", dependencies: ["OCI", "Ground", "CSQLite", "CPostgres", "CLinux", logging],
      exclude: ["README.md"],
      swiftSettings: strict),
    .target(
      name: "Access",
      dependencies: ["OCI", "Ground", "Metadata", "CCrypt", "CLibCrypto", nioCore, nioHTTP1, httpClient],
      exclude: ["README.md"], swiftSettings: strict),
    .target(
      name: "RegistryCore",
      dependencies: ["OCI", "Ground", "BlobStorage", "Metadata", "Access", "Scanning", nioCore, logging],
      exclude: ["README.md"], swiftSettings: strict),
    .target(
      name: "Upkeep",
      dependencies: [
        "OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Scanning", "CLinux", nioCore, lifecycle,
        logging,
      ],
      exclude: ["README.md"], swiftSettings: strict),
    .target(
      name: "HTTPService",
      dependencies: [
        "OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Scanning", "CLinux", nioCore, nioPosix,
        nioHTTP1, nioHTTP2, nioTLS, nioSSL, lifecycle, logging,
      ], exclude: ["README.md"], swiftSettings: strict),
    .executableTarget(
      name: "berth",
      dependencies: [
        "OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Upkeep", "HTTPService", "Scanning",
        "CYAML", "CLinux", arguments, httpClient, lifecycle, logging, nioCore, nioHTTP1, nioPosix, nioSSL, signals,
      ], exclude: ["README.md"], swiftSettings: strict),

    .target(
      name: "TestSupport",
      dependencies: [
        "OCI", "Ground", "BlobStorage", "Metadata", "Access", "RegistryCore", "Upkeep", "HTTPService", "Scanning",
        "CLibCrypto",
        nioCore, logging,
      ], exclude: ["README.md"], swiftSettings: strict),
    .testTarget(
      name: "HTTPServiceTests",
      dependencies: [
        "TestSupport", "HTTPService", "RegistryCore", "BlobStorage", "Metadata", "OCI", "Ground", nioCore, nioHTTP1,
      ], swiftSettings: strict),
    .testTarget(
      name: "AccessTests",
      dependencies: [
        "Access", "HTTPService", "RegistryCore", "Metadata", "OCI", "Ground", "TestSupport", nioHTTP1,
      ], swiftSettings: strict),
    .testTarget(name: "HouseTests", swiftSettings: strict),
    .testTarget(
      name: "BlobStorageTests", dependencies: ["BlobStorage", "OCI", "Ground", "TestSupport", nioCore, httpClient],
      swiftSettings: strict),
    .testTarget(name: "GroundTests", dependencies: ["Ground", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "MetadataTests", dependencies: ["Metadata", "OCI", "Ground", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "UpkeepTests",
      dependencies: [
        "TestSupport", "Upkeep", "RegistryCore", "BlobStorage", "Metadata", "Access", "Scanning", "OCI", "Ground",
        nioCore,
        logging,
      ], swiftSettings: strict),
    .testTarget(
      name: "RegistryCoreTests",
      dependencies: [
        "RegistryCore", "Access", "BlobStorage", "Metadata", "OCI", "Ground", "Upkeep", "TestSupport", nioCore, logging,
      ], swiftSettings: strict),
    .testTarget(
      name: "ScanningTests", dependencies: ["TestSupport", "Scanning", "OCI", "CCompression"], swiftSettings: strict),
    .testTarget(name: "OCITests", dependencies: ["OCI"], swiftSettings: strict),
    .testTarget(
      name: "ConformanceTests",
      dependencies: ["TestSupport", "CLibCrypto", "OCI", "RegistryCore", "HTTPService", "BlobStorage", "Metadata"],
      swiftSettings: strict),
    .testTarget(
      name: "berthTests", dependencies: ["berth", "TestSupport", "OCI", arguments, nioHTTP1], swiftSettings: strict),
    .testTarget(name: "TestSupportTests", dependencies: ["TestSupport", "Ground"], swiftSettings: strict),
    .testTarget(
      name: "EndToEnd", dependencies: ["CLibCrypto", "OCI", "TestSupport"], path: "Tests/EndToEnd",
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
