import Ground
import Testing

@Suite struct `A bell` {
  @Test func `rings before somebody waits are kept as one`() async throws {
    let bell = Bell()
    bell.ring()
    bell.ring()
    try await bell.wait(atMost: .seconds(600), by: SystemTime())
    let begin = ContinuousClock.now
    try await bell.wait(atMost: .milliseconds(20), by: SystemTime())
    #expect(ContinuousClock.now - begin >= .milliseconds(20))
  }

  @Test func `a ring wakes who waits, and a cancellation does`() async throws {
    let bell = Bell()
    let waiting = Task { _ = try await bell.wait(atMost: .seconds(600), by: SystemTime()) }
    try await Task.sleep(for: .milliseconds(10))
    bell.ring()
    try await waiting.value
    let cancelled = Task { _ = try await bell.wait(atMost: .seconds(600), by: SystemTime()) }
    try await Task.sleep(for: .milliseconds(10))
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
  }

  @Test func `silence is waited for, and not for ever`() async throws {
    let (bell, time) = (Bell(), SystemTime())
    let ringing = Task {
      while !Task.isCancelled {
        bell.ring()
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    let begin = ContinuousClock.now
    try await bell.waitForSilence(.seconds(600), atMost: .milliseconds(50), by: time)
    #expect(ContinuousClock.now - begin >= .milliseconds(50))
    ringing.cancel()
    _ = await ringing.result
    try await bell.waitForSilence(.milliseconds(10), atMost: .seconds(600), by: time)
  }

  @Test func `rings from many sides are never lost`() async throws {
    let (bell, work) = (Bell(), Counter())
    let served = Task {
      while await work.served < 1000 {
        try await bell.wait(atMost: .seconds(600), by: SystemTime())
        await work.serve()
      }
    }
    await withTaskGroup { group in
      for _ in 0..<10 {
        group.addTask {
          for _ in 0..<100 {
            await work.bring()
            bell.ring()
          }
        }
      }
    }
    try await served.value
  }

  private actor Counter {
    private var brought = 0
    var served = 0
    func bring() { brought += 1 }
    func serve() { served = brought }
  }
}
