import Ground
import Synchronization

/// Slows down who guesses passwords, and nobody else.
///
/// Failures are counted for an address together with an account, for an address, and for an account over all addresses that
/// have not logged in to it lately. So a stranger can slow down themselves and other strangers, but never lock out a person
/// where they usually are. Nothing here is stored: a replica counts for itself.
///
/// The same wrong password again and again is one guess: a job with an old one slows down nobody beside it. What was guessed is
/// remembered for an account together with an address, so that no other address learns what was tried there.
final class LoginThrottle: Sendable {
  /// Failures that cost nothing: people mistype.
  static let freeForPair = 5
  static let freeForAddress = 20
  static let freeForAccount = 50
  static let longestDelay: Duration = .seconds(60)
  /// After which a failure is forgotten.
  static let memory: Duration = .seconds(15 * 60)
  static let entryLimit = 20_000
  /// Wrong guesses that are remembered of an account from an address: jobs with old passwords are few.
  static let guessLimit = 8
  /// For how long an address is known as an account's own.
  static let familiarity: Duration = .seconds(30 * 86_400)

  fileprivate struct Key: Hashable, Sendable {
    let account: String?
    let address: String?
  }

  /// A password that is being checked.
  struct Attempt: Sendable {
    let account: String
    let address: String
    /// Where it is counted as a failure already, and until when that was blocked before and is since.
    fileprivate var counted: [(key: Key, blockedBefore: Int64, blockedSince: Int64)] = []
  }

  private struct Failures: Sendable {
    var count: Int
    var blockedUntil: Int64
    var forgottenAt: Int64
    /// Keyed hashes of what was found wrong, the newest last; of a pair only.
    var guesses: [[UInt8]] = []
  }

  private let failures = BoundedCache<Key, Failures>(costLimit: entryLimit)
  private let familiar = BoundedCache<Key, Int64>(costLimit: entryLimit)
  private let time: any TimeSource

  init(time: any TimeSource) { self.time = time }

  /// How long this address must wait before it may try again to log in to this account; nil: not at all.
  func delay(account: String, address: String) -> Duration? {
    let now = time.monotonicNanoseconds
    let blocked = keys(account, LoginNetwork.of(address)).compactMap { failures.value(for: $0.key)?.blockedUntil }.max()
    guard let blocked, blocked > now else { return nil }
    return .nanoseconds(blocked - now)
  }

  /// Whether a guess was found wrong before, from this address: it is told again at no cost, and is no further guess.
  ///
  /// - Parameter guess: a keyed hash of the password and of what it was held against.
  func knows(_ guess: [UInt8], account: String, address: String) -> Bool {
    let entry = failures.value(for: Key(account: account, address: LoginNetwork.of(address)))
    return entry?.guesses.reduce(false) { Hashing.areEqual($1, guess) || $0 } ?? false
  }

  /// Remembers a guess that was found wrong.
  ///
  /// - Parameter guess: as ``knows(_:account:address:)`` takes it. The failure itself was counted before.
  func remember(_ guess: [UInt8], account: String, address: String) {
    let pair = Key(account: account, address: LoginNetwork.of(address))
    guard var entry = failures.value(for: pair), !entry.guesses.contains(guess) else { return }
    entry.guesses = entry.guesses.suffix(Self.guessLimit - 1) + [guess]
    failures.insert(entry, for: pair, cost: 1)
  }

  /// Before a password is checked: who has guessed wrong is counted at once, or many at the same time would count as one.
  ///
  /// - Parameter fromFirst: who has not guessed wrong yet is counted too.
  /// - Returns: what is to be told how it ended: ``failed(_:)``, ``succeeded(_:)`` or ``withdrawn(_:)``.
  func began(account: String, address: String, fromFirst: Bool = false) -> Attempt {
    var attempt = Attempt(account: account, address: address)
    let entry = failures.value(for: Key(account: account, address: LoginNetwork.of(address)))
    let hasGuessed = entry.map { $0.count >= Self.freeForPair && $0.forgottenAt >= time.monotonicNanoseconds } ?? false
    if fromFirst || hasGuessed { attempt.counted = count(account, address) }
    return attempt
  }

  func failed(_ attempt: Attempt) {
    if attempt.counted.isEmpty { failed(account: attempt.account, address: attempt.address) }
  }

  func failed(account: String, address: String) { _ = count(account, address) }

  func succeeded(_ attempt: Attempt) {
    withdrawn(attempt)
    succeeded(account: attempt.account, address: attempt.address)
  }

  func succeeded(account: String, address: String) {
    let pair = Key(account: account, address: LoginNetwork.of(address))
    familiar.insert(time.monotonicNanoseconds + Self.familiarity.wholeMicroseconds * 1000, for: pair, cost: 1)
    forgive(pair)
  }

  /// It was not checked after all. What it was counted for is as it was before; what others were counted for stays.
  func withdrawn(_ attempt: Attempt) {
    for (key, before, since) in attempt.counted {
      guard var entry = failures.value(for: key) else { continue }
      entry.count = max(0, entry.count - 1)
      if entry.blockedUntil == since { entry.blockedUntil = before }
      failures.insert(entry, for: key, cost: 1)
    }
  }

  private func count(_ account: String, _ address: String) -> [(key: Key, blockedBefore: Int64, blockedSince: Int64)] {
    let now = time.monotonicNanoseconds
    return keys(account, LoginNetwork.of(address)).map { key, free in
      var entry = failures.value(for: key) ?? Failures(count: 0, blockedUntil: 0, forgottenAt: 0)
      let before = entry.blockedUntil
      if entry.forgottenAt < now { entry.count = 0 }
      entry.count += 1
      let over = entry.count - free
      if over > 0 {
        let seconds = min(Int64(1) << Int64(min(over - 1, 20)), Self.longestDelay.components.seconds)
        entry.blockedUntil = now + seconds * 1_000_000_000
      }
      entry.forgottenAt = now + Self.memory.wholeMicroseconds * 1000
      failures.insert(entry, for: key, cost: 1)
      return (key, before, entry.blockedUntil)
    }
  }

  /// Counts anew from here; what was found wrong stays so.
  private func forgive(_ pair: Key) {
    guard var entry = failures.value(for: pair) else { return }
    entry.count = 0
    entry.blockedUntil = 0
    failures.insert(entry, for: pair, cost: 1)
  }

  private func keys(_ account: String, _ network: String) -> [(key: Key, free: Int)] {
    let pair = Key(account: account, address: network)
    let knows = familiar.value(for: pair).map { $0 > time.monotonicNanoseconds } ?? false
    // Who comes from where they usually do waits only for their own mistakes.
    if knows { return [(pair, Self.freeForPair)] }
    return [
      (pair, Self.freeForPair), (Key(account: nil, address: network), Self.freeForAddress),
      (Key(account: account, address: nil), Self.freeForAccount),
    ]
  }
}

extension PasswordHasher {
  /// ``verify(_:against:)`` for somebody who may be guessing: who hangs up before the answer has failed, and who finds too many at it
  /// has not tried.
  func verify(
    _ password: String, against kept: String?, _ attempt: LoginThrottle.Attempt, _ throttle: LoginThrottle
  ) async throws -> Bool {
    do {
      return try await verify(password, against: kept)
    } catch {
      if error is Busy { throttle.withdrawn(attempt) } else { throttle.failed(attempt) }
      throw error
    }
  }
}

/// What counts as one client: a customer of an access provider.
public enum LoginNetwork {
  /// An IPv4 address, or the first 64 bits of an IPv6 one.
  public static func of(_ address: String) -> String {
    guard address.contains(":") else { return address }
    if address.hasPrefix("::ffff:"), address.contains(".") { return String(address.dropFirst(7)) }
    let halves = address.split(separator: "%")[0].split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
    var groups = halves[0].split(separator: ":").map { String($0) }
    if halves.count > 1 {
      let tail = halves[1].split(separator: ":").count
      groups += Array(repeating: "0", count: max(0, 8 - groups.count - tail))
      groups += halves[1].split(separator: ":").map { String($0) }
    }
    return groups.prefix(4).joined(separator: ":") + "::/64"
  }
}
