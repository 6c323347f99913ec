import ArgumentParser
import Foundation
import Ground
import Metadata
import RegistryCore
import Synchronization
import TestSupport
import Testing

@testable import berth

/// What long commands say of how far they have got.
@Suite struct `Progress of long commands` {
  /// What is written to a descriptor.
  private final class Paper {
    let descriptor: Int32
    private let directory: String

    init() throws {
      directory = try temporaryDirectory()
      descriptor = open("\(directory)/paper", O_RDWR | O_CREAT | O_APPEND, 0o600)
      try #require(descriptor >= 0)
    }

    deinit {
      close(descriptor)
      try? removeTree(directory)
    }

    var text: String { (try? String(contentsOfFile: "\(directory)/paper", encoding: .utf8)) ?? "" }
  }

  /// Of a command for which much time passes between any two looks at the clock.
  private final class SlowWork: TimeSource {
    private let elapsed = Atomic<Int64>(0)
    var now: Timestamp { SystemTime().now }
    var monotonicNanoseconds: Int64 { elapsed.add(60_000_000_000, ordering: .relaxed).newValue }
    func sleep(for duration: Duration) async throws {}
  }

  @Test func `is lines in a log, one in ten seconds, and none of what is over before`() throws {
    let (paper, clock) = (try Paper(), ManualClock())
    var progress = Progress(to: paper.descriptor, isTerminal: false, time: clock)
    for step in 0..<45 {
      progress.show("step \(step)")
      clock.advance(by: .seconds(1))
    }
    progress.clear()
    #expect(paper.text == "step 10\nstep 20\nstep 30\nstep 40\n")
  }

  @Test func `stands in one place at a terminal, and is gone when something else is printed`() throws {
    let (paper, clock) = (try Paper(), ManualClock())
    var progress = Progress(to: paper.descriptor, isTerminal: true, time: clock)
    progress.clear()
    for step in 0..<5 {
      progress.show("step \(step)\u{1b}[2J")
      clock.advance(by: .milliseconds(100))
    }
    for _ in 0..<2 { progress.clear() }
    #expect(paper.text == "\r\u{1b}[Kstep 2\\u001b[2J\r\u{1b}[Kstep 4\\u001b[2J\r\u{1b}[K")
  }

  /// A directory with a blob that nothing needs, and one whose lease still runs.
  private static func with(_ body: (Settings) async throws -> Void) async throws {
    let directory = try temporaryDirectory()
    defer { try? removeTree(directory) }
    var settings = Settings()
    settings.storage.data = directory
    settings.collection.lease = .zero
    let storage = try await Storage(settings: settings)
    let registry = try await storage.registry(settings, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    try await client.upload(SampleBlob(seed: 41, size: 300_000))
    registry.settings.lease = .seconds(3600)
    try await client.put(SampleBlob(seed: 42, size: 1024))
    try await storage.settle()
    await storage.close()
    try await body(settings)
  }

  @Test func `of a check tells blobs, bytes and problems, of all that there are`() async throws {
    try await Self.with { settings in
      let paper = try Paper()
      let command = try CheckCommand.parse(["--report-only", "--data", settings.storage.data])
      let storage = try await Storage(settings: settings, for: .examining)
      let progress = Progress(to: paper.descriptor, isTerminal: false, time: SlowWork())
      let problems = await Result(catching: { try await command.problems(storage, settings, progress) })
      await storage.close()
      #expect(try problems.get() == 0)
      let lines = paper.text.split(separator: "\n")
      #expect(lines.count == 2 && lines.first == "0 of 2 blobs, 0 B of 294.0 KiB, 0 problems", "\(lines)")
      #expect(lines.last?.hasPrefix("1 of 2 blobs, ") ?? false, "\(lines)")
    }
  }

  @Test func `of a collection tells what was looked at, of all that there is`() async throws {
    try await Self.with { settings in
      let paper = try Paper()
      let progress = Progress(to: paper.descriptor, isTerminal: false, time: SlowWork())
      #expect(try await CollectCommand.collect(settings, nil, progress).hasPrefix("freed 1 blob, "))
      let lines = paper.text.split(separator: "\n")
      // The link, and then the bytes that nobody links to any more.
      #expect(lines.last == "2 of 2 manifests and blobs looked at", "\(lines)")
    }
  }
}
