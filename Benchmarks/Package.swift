// swift-tools-version: 6.2
import PackageDescription

/// The benchmark is a package of its own, so that nothing in it weighs on the build of the server.
let package = Package(
  name: "berth-benchmarks",
  products: [.executable(name: "berth-bench", targets: ["berth-bench"])],
  targets: [
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLinux"),
    .executableTarget(
      name: "berth-bench", dependencies: ["CLinux", "COpenSSL"],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
