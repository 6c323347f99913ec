import OCI

/// What an operator may choose of the service.
public struct HTTPServiceSettings: Sendable {
  public var limits = ConnectionLimits()
  /// Before every `Location`, when the registry is known under another address: `https://registry.example/prefix`.
  public var publicURL: String?
  /// Whether a peer's `Forwarded` and `X-Forwarded-…` headers are believed. Nil is a unix socket.
  public var trustsForwarded: @Sendable (_ peerAddress: String?) -> Bool = {
    $0 == nil || $0 == "127.0.0.1" || $0 == "::1"
  }
  /// Whether a client at this address is sent to the object store for a blob. Nil is a unix socket.
  public var redirects: @Sendable (_ clientAddress: String?) -> Bool = { _ in false }
  /// For how long what it is sent to is good.
  public var redirectLifetime: Duration = .seconds(20 * 60)
  /// Where accounts are switched off: answers only by names that nobody else can make point to this machine.
  public var refusesForeignHosts = false
  /// Told to clients as `OCI-Chunk-Min-Length`; 0 tells nothing.
  public var chunkMinimumBytes = 0
  public var manifestLimitBytes = Manifest.sizeLimitBytes
  /// Between the moment that `/readyz` turns red and that at which no more is accepted.
  public var drainDelay: Duration = .zero
  /// Requests a second of one account, and of one address; 0 is no limit.
  public var accountRate = 0
  public var addressRate = 0
  /// Where bodies lie that are read as a whole before anything of them is used; nil: the system's folder for temporary files.
  public var stagingFolder: String?
  public var logsRequests = true
  /// Feeds of advisories that are fetched again and again, by their names.
  public var configuredFeeds: Set<String> = []
  public var version = "0"

  public init() {}
}
