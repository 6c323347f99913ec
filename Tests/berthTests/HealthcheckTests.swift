import Testing

@testable import berth

@Suite("Health checks")
struct HealthcheckTests {
  @Test(
    "A server that speaks TLS is asked at its own address",
    arguments: [
      ("127.0.0.1:5000", "https://127.0.0.1:5000/readyz"), (":5000", "https://127.0.0.1:5000/readyz"),
      ("[::1]:5443", "https://[::1]:5443/readyz"), ("unix:/run/berth.sock", "https+unix://%2Frun%2Fberth.sock/readyz"),
    ])
  func address(_ listen: String, _ url: String) throws {
    #expect(HealthcheckCommand.url(try ListenAddress(parsing: listen)) == url)
  }
}
