import Glibc
import Ground
import Synchronization

/// One connection through a ``ChaosProxy``, with its fate.
final class ChaosLink: Sendable {
  private let client: ProxySocket
  private let server: ProxySocket
  private let fate: ChaosPlan.Fate
  private let silence: Duration
  private let isSilent: @Sendable () -> Bool
  private let running = Countdown(2)

  init(
    client: ProxySocket, server: ProxySocket, fate: ChaosPlan.Fate, silence: Duration,
    isSilent: @escaping @Sendable () -> Bool
  ) {
    self.client = client
    self.server = server
    self.fate = fate
    self.silence = silence
    self.isSilent = isSilent
  }

  /// Passes bytes on in both directions until both have ended.
  func run() {
    startThread {
      self.pump(from: self.server, to: self.client, breaks: !self.fate.breaksUpstream, seed: self.fate.seed &+ 1)
      self.running.countDown()
    }
    pump(from: client, to: server, breaks: fate.breaksUpstream, seed: fate.seed)
    running.countDown()
    running.wait()
  }

  func abort(withReset: Bool) {
    for socket in [client, server] { socket.abort(withReset: withReset) }
  }

  private func pump(from source: ProxySocket, to sink: ProxySocket, breaks: Bool, seed: UInt64) {
    let chance = SeededRandom(seed: seed)
    var passed = 0
    while true {
      let isSmall = fate.isSplit && passed < 16 * 1024
      var bytes = source.receive(upTo: isSmall ? 1 + Int(chance.next() % 64) : 64 * 1024)
      if bytes.isEmpty { break }
      if let longest = fate.longestDelay { pause(longest, chance) }
      while isSilent(), !source.wasAborted { usleep(10_000) }
      let isLast = breaks && fate.breaks != nil && passed + bytes.count >= fate.breaksAfter
      if isLast { bytes = Array(bytes.prefix(max(0, fate.breaksAfter - passed))) }
      passed += bytes.count
      guard sink.send(bytes) else { return abort(withReset: true) }
      if isLast { return breakNow() }
    }
    sink.finishSending()
  }

  private func breakNow() {
    if fate.breaks == .blackHole {
      let deadline = ContinuousClock.now + silence
      // What still comes is swallowed by the buffers of the kernel, as by a network that has lost its way.
      while ContinuousClock.now < deadline, !client.wasAborted { usleep(10_000) }
    }
    abort(withReset: fate.breaks != .cut)
  }

  private func pause(_ longest: Duration, _ chance: SeededRandom) {
    let microseconds = longest.components.seconds * 1_000_000 + longest.components.attoseconds / 1_000_000_000_000
    usleep(UInt32(chance.next() % UInt64(max(1, microseconds))))
  }
}

/// Waits until a number of threads have come by.
final class Countdown: Sendable {
  private let left: Atomic<Int>

  init(_ count: Int) { left = Atomic(count) }

  func countDown() { left.subtract(1, ordering: .acquiringAndReleasing) }

  func wait() { while left.load(ordering: .acquiring) > 0 { usleep(2000) } }
}
