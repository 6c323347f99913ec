import CCrypt
import Glibc
public import Ground
import Synchronization

/// Passwords, kept as crypt(5) texts: yescrypt for those that are set here, bcrypt where an `htpasswd` file brought them.
///
/// yescrypt needs memory as well as time (16 MiB at the usual cost), which is what makes guessing dear; libxcrypt, which
/// Debian keeps its own logins with, has both.
public final class PasswordHasher: Sendable {
  /// Of yescrypt, as crypt_gensalt(3) counts it; each step doubles time and memory. 16 MiB at 5.
  public static let costs = 1...8
  static let usualCost = 5
  /// 64 MiB; what is found by measuring is not more.
  static let calibratedLimit = 7
  /// A guess should cost this much at least, on the machine that checks it.
  static let leastNanoseconds: Int64 = 30_000_000
  /// The longest password in bytes: what a person or a generator makes is far below, and more would only cost time.
  public static let lengthLimitBytes = 256
  public static let leastLength = 8
  static let bcryptLimitBytes = 72
  /// Of bcrypt, as its texts count it: each step doubles the time, a third of a second at 12. Dearer hashes are not taken over:
  /// each login with one would hold up those of others.
  public static let bcryptCostLimit = 12
  /// After which a wrong password is told, whatever it was held against: longer than any check should take.
  public static let usualRefusalTime: Duration = .milliseconds(500)
  /// Hashes that are computed at the same time: each takes memory, and a thread that others wait for.
  static let concurrencyLimit = 2
  /// Callers that wait for one of those, without holding a thread. More are told to come again: it is a flood.
  static let waitingLimit = 64

  /// Too many passwords at once.
  public struct Busy: Error, CustomStringConvertible {
    public let description = "too many passwords are being checked; try again"
  }

  private let cost: Mutex<Int?>
  private let random: any RandomSource
  private let time: any TimeSource
  private let refusalTime: Duration
  private let slots: Slots

  /// - Parameters:
  ///   - cost: nil is found by measuring, when the first password is set or checked.
  ///   - refusalTime: how long it takes to tell that a password is wrong.
  public init(
    cost: Int? = nil, refusalTime: Duration = usualRefusalTime, time: any TimeSource = SystemTime(),
    random: any RandomSource = SystemRandom()
  ) {
    self.cost = Mutex(cost)
    self.refusalTime = refusalTime
    self.time = time
    self.random = random
    slots = Slots(count: Self.concurrencyLimit)
  }

  /// The text to keep. Takes tens of milliseconds.
  ///
  /// - Throws: when too many are at it.
  public func hash(_ password: String) async throws -> String {
    try await slots.run { try Self.crypt(password, setting: Self.setting(calibratedCost(), random)) }
  }

  /// Whether `password` is the one that was kept. That it is not is told after the same time, whatever kind of hash was kept and
  /// whether any was: else the time would tell which accounts there are. Nothing is held up while that time passes.
  ///
  /// - Throws: when too many are at it.
  public func verify(_ password: String, against kept: String?) async throws -> Bool {
    let begin = time.monotonicNanoseconds
    if try await matches(password, kept) { return true }
    let taken = Duration.nanoseconds(time.monotonicNanoseconds - begin)
    if taken < refusalTime { try await time.sleep(for: refusalTime - taken) }
    return false
  }

  /// Takes the time in which a wrong password is told, for one that is known to be wrong.
  public func refuse() async throws { try await time.sleep(for: refusalTime) }

  private func matches(_ password: String, _ kept: String?) async throws -> Bool {
    guard password.utf8.count <= Self.lengthLimitBytes, !password.utf8.contains(0) else { return false }
    // bcrypt looks at no more, so that a longer one would be right by its beginning.
    let isCutShort = kept.map { Self.isImportable($0) } ?? false && password.utf8.count > Self.bcryptLimitBytes
    return try await slots.run {
      // Known from the first check on, so that ``isOutdated(_:)`` can tell what was made for a smaller machine.
      let cost = calibratedCost()
      guard let setting = try? kept ?? Self.setting(cost, random),
        let made = try? Self.crypt(password, setting: setting)
      else { return false }
      return kept != nil && !isCutShort && Hashing.areEqual(Array(made.utf8), Array(setting.utf8))
    }
  }

  /// Whether a kept text is of another kind or cheaper than what would be made now.
  public func isOutdated(_ kept: String) -> Bool {
    guard kept.hasPrefix("$y$") else { return true }
    guard let known = cost.withLock({ $0 }) else { return false }
    guard let usual = try? Self.setting(known, random) else { return false }
    // Both are `$y$<parameters>$<salt>…`; the parameters are texts of the same order as the costs they stand for.
    func parameters(_ text: String) -> Substring { text.dropFirst(3).prefix { $0 != "$" } }
    return parameters(kept) < parameters(usual)
  }

  /// What an `htpasswd` file may bring: bcrypt, and nothing weaker.
  public static func isImportable(_ text: String) -> Bool {
    ["$2y$", "$2b$", "$2a$"].contains { text.hasPrefix($0) } && text.utf8.count == 60
  }

  /// What a bcrypt text says that it costs; nil: it is none.
  static func bcryptCost(_ text: String) -> Int? {
    guard isImportable(text) else { return nil }
    return Int(text.dropFirst(4).prefix(2))
  }

  private func calibratedCost() -> Int {
    if let known = cost.withLock({ $0 }) { return known }
    var chosen = Self.usualCost
    while chosen < Self.calibratedLimit {
      let time = SystemTime()
      let begin = time.monotonicNanoseconds
      _ = try? Self.crypt("calibration", setting: Self.setting(chosen, random))
      if time.monotonicNanoseconds - begin >= Self.leastNanoseconds { break }
      chosen += 1
    }
    let found = chosen
    cost.withLock { $0 = found }
    return found
  }

  private static func setting(_ cost: Int, _ random: any RandomSource) throws -> String {
    var salt: [CChar] = []
    for _ in 0..<2 { withUnsafeBytes(of: random.next()) { salt += $0.map { CChar(bitPattern: $0) } } }
    var output = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
    guard crypt_gensalt_rn("$y$", UInt(cost), salt, Int32(salt.count), &output, Int32(output.count)) != nil else {
      throw Unusable()
    }
    return String(decoding: output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  struct Unusable: Error, CustomStringConvertible {
    let description = "the password cannot be hashed"
  }

  private static func crypt(_ password: String, setting: String) throws -> String {
    let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
    data.initialize(to: crypt_data())
    defer {
      explicit_bzero(data, MemoryLayout<crypt_data>.size)
      data.deallocate()
    }
    guard let made = crypt_rn(password, setting, data, Int32(MemoryLayout<crypt_data>.size)) else { throw Unusable() }
    return String(cString: made)
  }

  /// Lets few in at a time; the others wait their turn.
  private final class Slots: Sendable {
    private struct State {
      var free: Int
      var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: count)) }

    func run<R>(_ body: () throws -> R) async throws -> R {
      try await enter()
      defer { leave() }
      return try body()
    }

    private func enter() async throws {
      let isIn = try state.withLock { state -> Bool in
        if state.free > 0 {
          state.free -= 1
          return true
        }
        guard state.waiting.count < PasswordHasher.waitingLimit else { throw Busy() }
        return false
      }
      if isIn { return }
      await withCheckedContinuation { continuation in
        let isFree = state.withLock { state -> Bool in
          guard state.free == 0 else {
            state.free -= 1
            return true
          }
          state.waiting.append(continuation)
          return false
        }
        if isFree { continuation.resume() }
      }
    }

    private func leave() {
      let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
        guard !state.waiting.isEmpty else {
          state.free += 1
          return nil
        }
        return state.waiting.removeFirst()
      }
      next?.resume()
    }
  }
}
