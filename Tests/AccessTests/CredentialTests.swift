import Ground
import OCI
import Synchronization
import TestSupport
import Testing

@testable import Access

@Suite struct `Passwords and secrets` {
  private let hasher = PasswordHasher(cost: 1, refusalTime: .zero)

  @Test func `are kept by a memory-hard function, and only the right one is right`() async throws {
    let kept = try await hasher.hash("correct horse")
    #expect(kept.hasPrefix("$y$"))
    #expect(try await hasher.hash("correct horse") != kept)
    #expect(try await hasher.verify("correct horse", against: kept))
    #expect(try await !hasher.verify("correct horsf", against: kept))
    #expect(try await !hasher.verify("correct horse", against: nil))
    #expect(try await !hasher.verify("correct horse\0", against: kept))
    #expect(try await !hasher.verify(String(repeating: "a", count: 300), against: kept))
  }

  @Test func `that came from an htpasswd file work, and are replaced by better ones`() async throws {
    let kept = "$2y$05$c4WoMPo3SXsafkva.HHa6u7b1XOWKqA7XZANDrnv4IVny/8ABNR66"
    #expect(try await hasher.verify("secret", against: kept))
    #expect(try await !hasher.verify("Secret", against: kept))
    // What bcrypt does not look at is not taken for right: CVE-2024-9683.
    let long = String(repeating: "a", count: 72)
    let ofLong = "$2y$05$c4WoMPo3SXsafkva.HHa6u0TPF4aaHbszORfoa3knGC/jlZaujggy"
    #expect(try await hasher.verify(long, against: ofLong))
    #expect(try await !hasher.verify(long + "b", against: ofLong))
    #expect(PasswordHasher.isImportable(kept))
    #expect(hasher.isOutdated(kept))
    #expect(!PasswordHasher.isImportable("$apr1$abcdefgh$1234567890123456789012"))
    #expect(!PasswordHasher.isImportable("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="))
    let made = try await hasher.hash("x")
    #expect(!hasher.isOutdated(made))
    #expect(try await PasswordHasher(cost: 2).verify("x", against: made))
    let strong = PasswordHasher(cost: 2)
    _ = try await strong.hash("y")
    #expect(strong.isOutdated(made))
  }

  @Test func `are kept at a cost that is measured, and one of a smaller machine is known once one was checked`()
    async throws
  {
    let small = try await hasher.hash("x")
    let measured = PasswordHasher(refusalTime: .zero)
    #expect(try await measured.verify("x", against: small))
    #expect(measured.isOutdated(small))
    let made = try await measured.hash("x")
    #expect(!measured.isOutdated(made))
    #expect(!PasswordHasher(cost: PasswordHasher.usualCost).isOutdated(made), "never below what is usual")
  }

  @Test func `are refused after the same time, whatever they were held against`() async throws {
    let clock = SleepingClock()
    let hasher = PasswordHasher(cost: 1, refusalTime: .milliseconds(500), time: clock)
    let imported = "$2y$05$c4WoMPo3SXsafkva.HHa6u7b1XOWKqA7XZANDrnv4IVny/8ABNR66"
    let own = try await hasher.hash("secret")
    for kept in [imported, own, nil] { #expect(try await !hasher.verify("wrong", against: kept)) }
    #expect(clock.slept == Array(repeating: .milliseconds(500), count: 3))
    for kept in [imported, own] { #expect(try await hasher.verify("secret", against: kept)) }
    #expect(clock.slept.count == 3)
  }

  @Test func `that cost more than a login may take are not taken over`() async throws {
    try await ClosedRegistry.withOne { registry in
      let rest = "c4WoMPo3SXsafkva.HHa6u7b1XOWKqA7XZANDrnv4IVny/8ABNR66"
      let lines = ["dear:$2y$31$", "costly:$2y$13$", "odd:$2y$xx$", "cheap:$2y$05$"].map { $0 + rest }
      let outcome = try await registry.administration.importUsers(
        htpasswd: lines.joined(separator: "\n"), by: registry.admin)
      #expect(outcome.made == ["cheap"])
      #expect(outcome.skipped.map(\.name) == ["dear", "costly", "odd"])
    }
  }

  @Test func `are checked a few at a time, and a flood of them is told to come again`() async throws {
    let slow = PasswordHasher(cost: 4)
    let kept = try await slow.hash("x")
    let outcomes = await withTaskGroup { group in
      for _ in 0..<300 { group.addTask { try? await slow.verify("x", against: kept) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes.contains(true))
    #expect(!outcomes.contains(false), "who is told to come again is not told that it was wrong")
  }

  @Test(arguments: SecretToken.Kind.allCases)
  func `that were given out are known by their form and their checksum`(kind: SecretToken.Kind) throws {
    let token = SecretToken(kind, random: SystemRandom())
    #expect(SecretToken(parsing: token.text) == token)
    #expect(token.text.hasPrefix("berth_"))
    #expect(token.hash.count == 64)
    for position in 10..<token.text.count {
      var text = Array(token.text)
      text[position] = text[position] == "a" ? "b" : "a"
      #expect(SecretToken(parsing: String(text)) == nil)
    }
    #expect(SecretToken(parsing: token.text + "a") == nil)
  }

  @Test func `make the guesser wait longer and longer, and nobody else`() {
    let clock = ManualClock()
    let throttle = LoginThrottle(time: clock)
    throttle.succeeded(account: "alice", address: "192.0.2.1")
    var delays: [Duration] = []
    for _ in 0..<12 {
      throttle.failed(account: "alice", address: "198.51.100.7")
      delays.append(throttle.delay(account: "alice", address: "198.51.100.7") ?? .zero)
    }
    #expect(delays.prefix(5).allSatisfy { $0 == .zero })
    #expect(
      delays[5...] == [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16), .seconds(32), .seconds(60)])
    // A stranger at another address, and alice where she usually is.
    #expect(throttle.delay(account: "alice", address: "203.0.113.9") == nil)
    #expect(throttle.delay(account: "alice", address: "192.0.2.1") == nil)
    clock.advance(by: .seconds(61))
    #expect(throttle.delay(account: "alice", address: "198.51.100.7") == nil)
    // From very many addresses: strangers wait, alice does not.
    for number in 0..<60 { throttle.failed(account: "alice", address: "2001:db8:0:\(number)::1") }
    #expect(throttle.delay(account: "alice", address: "203.0.113.9") != nil)
    #expect(throttle.delay(account: "alice", address: "192.0.2.1") == nil)
    #expect(throttle.delay(account: "bob", address: "203.0.113.9") == nil)
  }

  @Test func `make an address wait that tries one account after the other, longer and longer`() {
    let clock = ManualClock()
    let throttle = LoginThrottle(time: clock)
    throttle.succeeded(account: "alice", address: "2001:db8:1:2::7")
    var delays: [Duration] = []
    for number in 0..<LoginThrottle.freeForAddress + 8 {
      // A customer of an access provider has as many addresses as they like.
      throttle.failed(account: "user-\(number)", address: "2001:db8:1:2::\(number)")
      delays.append(throttle.delay(account: "somebody", address: "2001:db8:1:2::ffff") ?? .zero)
    }
    #expect(delays.prefix(LoginThrottle.freeForAddress).allSatisfy { $0 == .zero })
    #expect(delays.dropFirst(LoginThrottle.freeForAddress).map(\.components.seconds) == [1, 2, 4, 8, 16, 32, 60, 60])
    #expect(throttle.delay(account: "somebody", address: "2001:db8:1:3::1") == nil)
    #expect(throttle.delay(account: "alice", address: "2001:db8:1:2::7") == nil, "she is known there")
    clock.advance(by: .seconds(61))
    #expect(throttle.delay(account: "somebody", address: "2001:db8:1:2::ffff") == nil)
  }

  @Test func `is not spared for logging in to an account of one's own, nor punished for what was not checked`() {
    let throttle = LoginThrottle(time: ManualClock())
    throttle.succeeded(account: "mallory", address: "192.0.2.1")
    for number in 0..<30 { throttle.failed(account: "user-\(number)", address: "192.0.2.1") }
    let blocked = throttle.delay(account: "somebody", address: "192.0.2.1")
    #expect(blocked != nil)
    for _ in 0..<LoginThrottle.freeForPair { throttle.failed(account: "mallory", address: "192.0.2.1") }
    throttle.succeeded(throttle.began(account: "mallory", address: "192.0.2.1"))
    #expect(throttle.delay(account: "somebody", address: "192.0.2.1") == blocked)

    for _ in 0..<100 { throttle.withdrawn(throttle.began(account: "bob", address: "203.0.113.9", fromFirst: true)) }
    #expect(throttle.delay(account: "bob", address: "203.0.113.9") == nil)
    for _ in 0...LoginThrottle.freeForPair {
      throttle.failed(throttle.began(account: "bob", address: "203.0.113.9", fromFirst: true))
    }
    #expect(throttle.delay(account: "bob", address: "203.0.113.9") != nil)
  }

  @Test func `are remembered when they were wrong, as many as that, and for their address alone`() {
    let throttle = LoginThrottle(time: ManualClock())
    func guess(_ number: Int) -> [UInt8] { Hashing.sha256([UInt8(number)]) }
    // Nothing was counted there yet.
    throttle.remember(guess(0), account: "alice", address: "192.0.2.1")
    #expect(!throttle.knows(guess(0), account: "alice", address: "192.0.2.1"))
    for number in 0...LoginThrottle.guessLimit {
      throttle.failed(account: "alice", address: "192.0.2.1")
      for _ in 0..<2 { throttle.remember(guess(number), account: "alice", address: "192.0.2.1") }
    }
    #expect(!throttle.knows(guess(0), account: "alice", address: "192.0.2.1"))
    for number in 1...LoginThrottle.guessLimit {
      #expect(throttle.knows(guess(number), account: "alice", address: "192.0.2.1"))
    }
    #expect(!throttle.knows(guess(1), account: "alice", address: "192.0.2.2"))
    #expect(!throttle.knows(guess(1), account: "bob", address: "192.0.2.1"))
    // The owner's login forgives, and makes no wrong one right.
    throttle.succeeded(account: "alice", address: "192.0.2.1")
    #expect(throttle.delay(account: "alice", address: "192.0.2.1") == nil)
    #expect(throttle.knows(guess(1), account: "alice", address: "192.0.2.1"))
  }

  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8::1", "2001:db8:0:0::/64"), ("::1", "0:0:0:0::/64"), ("unix", "unix"),
  ])
  func `are counted for one customer of an access provider`(address: String, network: String) {
    #expect(LoginNetwork.of(address) == network)
  }

  @Test func `are let through at a rate, with ten seconds' worth at once`() {
    let clock = ManualClock()
    let limiter = RateLimiter(time: clock)
    #expect((0..<50).allSatisfy { _ in limiter.take("a", rate: 5) == nil })
    #expect(limiter.take("a", rate: 5).map { $0 > .zero && $0 <= .milliseconds(201) } ?? false)
    #expect(limiter.take("b", rate: 5) == nil)
    clock.advance(by: .seconds(1))
    #expect((0..<5).allSatisfy { _ in limiter.take("a", rate: 5) == nil })
    #expect(limiter.take("a", rate: 5) != nil)
  }
}

/// A clock that stands still, in which sleep takes no time and is counted.
private final class SleepingClock: TimeSource {
  private let durations = Mutex<[Duration]>([])
  var slept: [Duration] { durations.withLock { $0 } }
  var now: Timestamp { Timestamp(microseconds: 0) }
  var monotonicNanoseconds: Int64 { 0 }
  func sleep(for duration: Duration) async throws { durations.withLock { $0.append(duration) } }
}

@Suite struct `What scopes and patterns mean` {
  @Test(arguments: [
    ("*", "a", true), ("*", "a/b/c", true), ("acme/*", "acme/api", true), ("acme/*", "acme/x/y", true),
    ("acme/*", "acme", false), ("acme/*", "acme-evil/api", false), ("acme/api", "acme/api", true),
    ("acme/api", "acme/api2", false), ("acme/web-*", "acme/web-", false), ("acme/web-*", "acme/web-shop", true),
    ("acme/*/db", "acme/a/b/db", true), ("acme/*/db", "acme/db", false), ("*a*a*b", "aaaaaaaaaaaaaaaaaaaaac", false),
  ])
  func pattern(text: String, name: String, matches: Bool) throws {
    guard let repository = try? RepositoryName(parsing: name) else { return }
    #expect(try #require(RepositoryPattern(parsing: text)).matches(repository) == matches)
  }

  @Test(arguments: [
    "", "/a", "a//b", "A/b", "a b", "a\n", "a%2fb", "../a%", String(repeating: "a", count: 256), "*********",
  ])
  func `a pattern that could match nothing is none`(text: String) { #expect(RepositoryPattern(parsing: text) == nil) }

  @Test func `nonsense is passed over`() throws {
    let api = try RepositoryName(parsing: "acme/api")
    #expect(
      RequestedScope.parse([
        "repository:acme/api:pull,push", "repository:acme/api:*", "registry:catalog:*",
        "repository(plugin):acme/api:pull",
        "repository:acme/api:fly", "repository:ACME/api:pull", "repository::pull", "::", "",
        "repository:acme/../b:pull",
        "registry:catalog:pull", "registry:other:*", "repository:acme%2Fapi:pull", "repository:acme/api:pull:pull",
        "a repository:acme/api:delete b",
      ]) == [
        .repository(api, [.pull, .push]), .repository(api, [.pull, .push, .delete]), .catalogue,
        .repository(api, [.pull]), .repository(api, [.delete]),
      ])
    #expect(RequestedScope.parse(Array(repeating: "repository:a:pull", count: 1000)).count == RequestedScope.countLimit)
  }

  @Test(arguments: ["Basic", "Basic ", "Basic !!!", "Basic YQ==", "Digest x", "Bearer", "Negotiate YQ=="])
  func `a header that says nothing is unreadable`(header: String) {
    guard case .unreadable = Presented(authorization: header) else {
      Issue.record("\(header) was read")
      return
    }
  }

  @Test func `a password may hold colons and letters of any kind`() {
    #expect(Presented(authorization: "basic YWxpY2U6YTpi") == .basic(user: "alice", password: "a:b"))
    #expect(Presented(authorization: "Basic YTrDvA==") == .basic(user: "a", password: "ü"))
    #expect(Presented(authorization: nil) == .nothing)
  }
}
