import OCI
import TestSupport
import Testing

@testable import Access

@Suite struct `An issuer's keys` {
  /// An issuer that answers about its keys when it is told to.
  private actor HeldIssuer: OutboundHTTP {
    static let url = "https://issuer.test"
    private var keys: [JSONValue]
    private var isHeld = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private(set) var questions = 0

    init(_ keys: [JSONValue]) { self.keys = keys }

    var isAsked: Bool { !waiting.isEmpty }

    func hold(with keys: [JSONValue]) { (self.keys, isHeld) = (keys, true) }

    func answer() {
      isHeld = false
      for one in waiting { one.resume() }
      waiting = []
    }

    func get(_ url: String) async throws -> OutboundResponse {
      guard url.hasSuffix("/keys") else {
        let document: JSONValue = ["issuer": .string(Self.url), "jwks_uri": .string(Self.url + "/keys")]
        return OutboundResponse(status: 200, body: document.bytes)
      }
      questions += 1
      if isHeld { await withCheckedContinuation { waiting.append($0) } }
      return OutboundResponse(status: 200, body: (["keys": .array(keys)] as JSONValue).bytes)
    }

    func post(_: String, form _: [(String, String)], authorization _: String?) async throws -> OutboundResponse {
      OutboundResponse(status: 404, body: [])
    }
  }

  @Test func `that are new are waited for by all who show one while they are fetched`() async throws {
    let (old, new) = (
      try PrivateKey(id: "old", der: PrivateKey.generate()).jwk,
      try PrivateKey(id: "new", der: PrivateKey.generate()).jwk
    )
    let http = HeldIssuer([old])
    let clock = ManualClock()
    let directory = IssuerDirectory(http: http, time: clock)
    _ = try await directory.key("old", of: HeldIssuer.url)
    clock.advance(by: IssuerDirectory.leastInterval + .seconds(1))
    await http.hold(with: [new])
    async let first = directory.key("new", of: HeldIssuer.url)
    while await !http.isAsked { await Task.yield() }
    let others = (0..<8).map { _ in Task { try await directory.key("new", of: HeldIssuer.url) } }
    // They come to the directory while the issuer has not answered.
    for _ in 0..<1000 { await Task.yield() }
    await http.answer()
    _ = try await first
    for other in others { _ = try await other.value }
    #expect(await http.questions == 2)
  }
}
