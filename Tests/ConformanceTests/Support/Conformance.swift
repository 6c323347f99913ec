import Synchronization
import TestSupport
import Testing

/// The specification's sentences, checked from outside over raw HTTP/1.1. Every suite is an extension of this one, so
/// that one registry serves them all; each test works in repositories of its own.
@Suite(.registryUnderTest, .timeLimit(.minutes(3)))
struct Conformance {}

/// The registry that the current test talks to.
enum RegistryUnderTest {
  @TaskLocal static var client = RawHTTPClient(host: "127.0.0.1", port: 1)
}

/// Starts a registry before the suite and stops it afterwards.
struct RegistryUnderTestTrait: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
  ) async throws {
    let registry = try await TestRegistry.start()
    let client = RawHTTPClient(host: registry.host, port: registry.port, patience: .seconds(10))
    let outcome: Result<Void, any Error>
    do {
      try await RegistryUnderTest.$client.withValue(client) { try await body() }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    try await client.close()
    try await registry.stop()
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
