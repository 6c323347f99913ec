import Synchronization
import TestSupport
import Testing

/// The specification's sentences, checked from outside over raw HTTP/1.1. Every suite is an extension of this one, so
/// that one registry serves them all; each test works in repositories of its own.
@Suite(.registryUnderTest, .timeLimit(.minutes(10)))
struct Conformance {}

/// The registry that the current test talks to.
enum RegistryUnderTest {
  @TaskLocal static var client = RawHTTPClient(host: "127.0.0.1", port: 1)
  @TaskLocal static var kind = TestInstallation.Kind.sqliteAndFiles
}

/// Runs the suite against registries of every kind, one after the other: on a shared installation there are two, and each
/// request goes to the other one than the last.
struct RegistryUnderTestTrait: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
  ) async throws {
    for kind in TestInstallation.Kind.allCases { try await Self.run(body, over: kind) }
  }

  private static func run(_ body: @Sendable () async throws -> Void, over kind: TestInstallation.Kind) async throws {
    let installation = try await TestInstallation(kind)
    var registries: [TestRegistry] = []
    for _ in 0..<(kind.isShared ? 2 : 1) { registries.append(try await TestRegistry.start(over: installation)) }
    let client = RawHTTPClient(
      host: registries[0].host, port: registries[0].port, others: registries.dropFirst().map(\.port))
    let outcome: Result<Void, any Error>
    do {
      try await RegistryUnderTest.$client.withValue(client) {
        try await RegistryUnderTest.$kind.withValue(kind) { try await body() }
      }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    try await client.close()
    for registry in registries { try await registry.stop() }
    try installation.remove()
    try outcome.get()
  }
}

extension Trait where Self == RegistryUnderTestTrait {
  static var registryUnderTest: Self { Self() }
}

/// Numbers that no two tests share.
enum Unique {
  private static let counter = Atomic<Int>(0)

  static func number() -> Int { counter.wrappingAdd(1, ordering: .relaxed).newValue }
}
