import Glibc
import Ground

/// Shows how far a long command has got: in place at a terminal, and now and then in a log. What is over at once shows nothing.
struct Progress: Sendable {
  static let terminalInterval: Duration = .milliseconds(200)
  static let logInterval: Duration = .seconds(10)

  private let descriptor: Int32
  private let isTerminal: Bool
  private let time: any TimeSource
  private var shownAt: Int64
  private var isShown = false

  /// - Parameters:
  ///   - descriptor: standard error unless given: what a command answers goes elsewhere.
  ///   - isTerminal: whether the descriptor is one, unless given.
  init(
    to descriptor: Int32 = STDERR_FILENO, isTerminal: Bool? = nil, time: any TimeSource = SystemTime()
  ) {
    self.descriptor = descriptor
    self.isTerminal = isTerminal ?? (isatty(descriptor) == 1)
    self.time = time
    shownAt = time.monotonicNanoseconds
  }

  /// Shows a text in the place of the one before, unless that was shown a moment ago.
  mutating func show(_ text: @autoclosure () -> String) {
    let now = time.monotonicNanoseconds
    guard .nanoseconds(now - shownAt) >= (isTerminal ? Self.terminalInterval : Self.logInterval) else { return }
    shownAt = now
    isShown = isTerminal
    write(isTerminal ? Self.lineStart + forTerminal(text()) : forTerminal(text()) + "\n", to: descriptor)
  }

  /// Takes back what is shown in place, so that something else can be printed, or at the end.
  mutating func clear() {
    if isShown { write(Self.lineStart, to: descriptor) }
    isShown = false
  }

  /// Goes to the beginning of the line, and erases it.
  private static let lineStart = "\r\u{1B}[K"
}
