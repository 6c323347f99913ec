import Ground
import Metadata
import TestSupport
import Testing

@testable import Access

/// When what is remembered of who may do what counts, and when not.
@Suite struct `What is remembered of rights` {
  private static func memory(_ clock: ManualClock) throws -> AccessMemory {
    AccessMemory(database: try SQLiteDatabase.inMemory(), time: clock, settings: Live(AccessSettings()))
  }

  @Test func `is forgotten when the database goes back, and not there again when it comes to the same number`()
    async throws
  {
    let memory = try Self.memory(ManualClock())
    memory.learn(6, askedAt: 1)
    #expect(try await memory.isPublic("acme") == false)
    memory.learn(6, askedAt: 2)
    #expect(memory.isPublicAtHand("acme") == false, "nothing has changed")
    memory.learn(5, askedAt: 3)
    #expect(memory.isPublicAtHand("acme") == nil, "a standby that lost a commit")
    memory.learn(6, askedAt: 4)
    #expect(memory.isPublicAtHand("acme") == nil)
  }

  @Test func `is forgotten for an answer that may have been overtaken too, and for the next one`() async throws {
    let memory = try Self.memory(ManualClock())
    memory.learn(5, askedAt: 1)
    memory.learn(6, askedAt: 3)
    #expect(try await memory.isPublic("acme") == false)
    memory.learn(5, askedAt: 2)
    #expect(memory.isPublicAtHand("acme") == nil)
    #expect(try await memory.isPublic("acme") == false)
    // Of the number that came last: the next answer with the other one finds a difference.
    memory.learn(6, askedAt: 4)
    #expect(memory.isPublicAtHand("acme") == nil)
  }

  @Test func `is asked about once more by a request that took long after it had asked`() async throws {
    let clock = ManualClock()
    let memory = try Self.memory(clock)
    let question = RightsQuestion(memory, revision: try await memory.refresh())
    try await memory.database.read(along: [question]) { _ in }
    #expect(question.isAnswered)
    clock.advance(by: AccessMemory.bound + .milliseconds(1))
    #expect(!question.isAnswered)
    #expect(try await question.holds(), "nothing has changed")
    try await memory.database.write { try $0.accessChanges() }
    #expect(try await question.holds(), "it was asked a moment ago")
    clock.advance(by: AccessMemory.bound + .milliseconds(1))
    #expect(try await question.holds() == false)
    // That they have changed stays so.
    #expect(question.isAnswered)
    #expect(try await question.holds() == false)
  }
}
