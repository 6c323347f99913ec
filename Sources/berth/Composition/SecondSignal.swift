import Glibc
import UnixSignals

/// Whom the first signal to stop is not quick enough.
enum SecondSignal {
  /// Signals that come together are one wish: Ctrl-C reaches a process from its terminal and from the script that started it.
  private static let sameWish: Duration = .seconds(1)

  /// Does `body`. While it is being done, a second SIGTERM or SIGINT ends the process at once, as `kill -9` does: nothing that
  /// was acknowledged is lost by that.
  ///
  /// - Parameter tell: called before the end.
  static func endsAtOnce(_ tell: @escaping @Sendable () -> Void, during body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await wait()
        guard !Task.isCancelled else { return }
        tell()
        _exit(EXIT_FAILURE)
      }
      defer { group.cancelAll() }
      try await body()
    }
  }

  /// Returns at the second signal, or when the task is cancelled.
  private static func wait() async {
    var first: ContinuousClock.Instant?
    for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
      guard let told = first else {
        first = .now
        continue
      }
      if .now - told > sameWish { return }
    }
  }
}
