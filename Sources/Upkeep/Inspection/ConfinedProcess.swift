internal import CLinux
internal import Glibc

/// A child process that reads bytes on its input and writes bytes on its output, and that may break without harm to us.
///
/// Not to be shared: one task starts it, feeds it and ends it. Every call may block its thread for a moment.
struct ConfinedProcess: ~Copyable {
  /// How a child came to its end.
  enum Ending: Sendable, Hashable {
    case exited(Int32)
    case killed(signal: Int32)
    /// Somebody else has heard of it.
    case unknown
  }

  private let child: pid_t
  private var input: Int32
  private let output: Int32
  private var hasEnded = false

  /// How long one look for something to read or to write may take: so often the caller can see to the time.
  private static let pollMilliseconds: Int32 = 100

  /// - Throws: ``ProcessError`` when it cannot be started.
  init(executable: String, arguments: [String]) throws {
    try self.init { input, output in try Self.start(executable, arguments, input: input, output: output) }
  }

  /// - Throws: ``ProcessError`` when it cannot be made.
  init(forkedBy server: ForkServer) throws {
    try self.init { input, output in try server.fork(input: input, output: output) }
  }

  private init(_ made: (_ input: Int32, _ output: Int32) throws -> pid_t) throws {
    let (theirInput, ourInput) = try Self.pair(berth_socket_pair)
    defer { close(theirInput) }
    let ends: (read: Int32, write: Int32)
    do { ends = try Self.pair(berth_pipe) } catch {
      close(ourInput)
      throw error
    }
    defer { close(ends.write) }
    do { child = try made(theirInput, ends.write) } catch {
      close(ourInput)
      close(ends.read)
      throw error
    }
    input = ourInput
    output = ends.read
    for descriptor in [ourInput, ends.read] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
  }

  /// Starts a program that has these as its input and output, and as its errors where our own go.
  ///
  /// A thread that starts one must last as long as it does: where its parent is a thread that ends, it ends.
  static func start(_ executable: String, _ arguments: [String], input: Int32, output: Int32) throws -> pid_t {
    var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    let started = berth_spawn(executable, words, input, output, 2)
    guard started > 0 else { throw ProcessError.notStarted(errno: -started) }
    return started
  }

  /// Above the three that every process has, and closed in every other child.
  static func pair(
    _ make: (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32
  ) throws -> (read: Int32, write: Int32) {
    var (reading, writing): (Int32, Int32) = (-1, -1)
    let failure = make(&reading, &writing)
    guard failure == 0 else { throw ProcessError.notStarted(errno: failure) }
    return (reading, writing)
  }

  deinit {
    if input >= 0 { close(input) }
    close(output)
    guard !hasEnded else { return }
    _ = kill(child, SIGKILL)
    var status: Int32 = 0
    // Killed: this does not wait long.
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
  }

  /// Writes some of the bytes, and takes what the child has written meanwhile. Answers how many bytes were written; nil when the
  /// child takes no more.
  mutating func exchange(
    _ bytes: UnsafeRawBufferPointer, received: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> Int? {
    var sets = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
    if input >= 0 { sets.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
    guard poll(&sets, nfds_t(sets.count), Self.pollMilliseconds) >= 0 || errno == EINTR else {
      throw ProcessError.broken(errno: errno)
    }
    if sets[0].revents != 0 { _ = try take(received) }
    guard input >= 0, sets.count > 1, sets[1].revents != 0 else { return input >= 0 ? 0 : nil }
    let count = send(input, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    if count >= 0 { return count }
    switch errno {
    case EAGAIN, EINTR: return 0
    default:
      closeInput()
      return nil
    }
  }

  /// Tells the child that no more comes.
  mutating func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// Takes what the child has written. Answers false when it will write no more.
  func receive(_ received: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
    var set = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    guard poll(&set, 1, Self.pollMilliseconds) >= 0 || errno == EINTR else { throw ProcessError.broken(errno: errno) }
    guard set.revents != 0 else { return true }
    return try take(received)
  }

  private func take(_ received: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
    try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { space in
      let count = read(output, space.baseAddress, space.count)
      if count > 0 {
        try received(UnsafeRawBufferPointer(rebasing: space[..<count]))
        return true
      }
      return count < 0 && (errno == EAGAIN || errno == EINTR)
    }
  }

  /// Ends it now.
  func end() { _ = kill(child, SIGKILL) }

  /// Waits for its end, which is near: its output is closed, or it was killed.
  mutating func wait() -> Ending {
    closeInput()
    hasEnded = true
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { return .unknown } }
    let signal = status & 0x7f
    return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
  }
}

/// Why a child process is of no use.
enum ProcessError: Error, Sendable, Hashable, CustomStringConvertible {
  case notStarted(errno: Int32)
  case broken(errno: Int32)

  var description: String {
    switch self {
    case .notStarted(let number): "a process cannot be started: \(String(cString: strerror(number)))"
    case .broken(let number): "a process cannot be spoken to: \(String(cString: strerror(number)))"
    }
  }
}
