import OCI
import TestSupport
import Testing

@testable import RegistryCore

/// What a transaction read of policies before they were changed.
@Suite struct `What is remembered of policies` {
  private static let key = ManifestKey(
    repository: .sample("acme/api"), digest: SampleBlob(Array("m".utf8)).digest)

  @Test func `is forgotten with what was said by it, and not brought back by who read it before`() {
    let memory = PolicyMemory()
    let before = memory.generation
    let rules = PolicyMemory.Rules(askedAt: 1, policies: [])
    memory.keep(rules, of: "acme", since: before)
    memory.keep(PolicyVerdict(), for: Self.key, askedAt: 1, since: before)
    #expect(memory.rules(of: "acme", now: 2) != nil && memory.verdict(Self.key, now: 2) != nil)

    memory.forgetRules(of: "acme")
    #expect(memory.rules(of: "acme", now: 2) == nil && memory.verdict(Self.key, now: 2) == nil)
    // A pull whose transaction had read the old ones.
    memory.keep(rules, of: "acme", since: before)
    memory.keep(PolicyVerdict(), for: Self.key, askedAt: 1, since: before)
    #expect(memory.rules(of: "acme", now: 2) == nil && memory.verdict(Self.key, now: 2) == nil)
    // One that began afterwards.
    memory.keep(rules, of: "acme", since: memory.generation)
    #expect(memory.rules(of: "acme", now: 2) != nil)
  }
}
