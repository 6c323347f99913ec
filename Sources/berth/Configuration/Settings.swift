/// Everything an operator can set, as typed values. A fresh value holds the defaults.
///
/// Names, types, limits and help of the fields are in ``SettingTable/standard``; a test compares the two.
struct Settings: Sendable, Equatable {
  var storage = Storage()
  var database = Database()
  var s3 = S3()
  var http = HTTP()
  var access = Access()
  var inspection = Inspection()
  var limits = Limits()
  var uploads = Uploads()
  var collection = Collection()
  var integrity = Integrity()
  var manifests = Manifests()
  var cache = Cache()
  var logging = Logging()
  var workers = Workers()

  /// Where the bytes and the database live.
  struct Storage: Sendable, Equatable {
    var data = "./berth-data"
    /// Absent: SQLite in the data directory.
    var database: DatabaseURL?
    /// Absent: files in the data directory.
    var blobs: BlobsURL?
  }

  /// How PostgreSQL is used. Without effect on SQLite.
  struct Database: Sendable, Equatable {
    var passwordFile: String?
    var connections = 16
    var connectTimeout = Duration.seconds(5)
    var statementTimeout = Duration.seconds(30)
    var waitTimeout = Duration.seconds(10)
    var patience = Duration.seconds(10)
    var preparedStatements = true
  }

  /// How an S3-compatible object store is used.
  struct S3: Sendable, Equatable {
    var accessKeyID: String?
    var secretAccessKey: String?
    var secretAccessKeyFile: String?
    var redirect = RedirectPolicy.automatic
    var redirectLifetime = Duration.seconds(20 * 60)
    var connections = 128
    var requestTimeout = Duration.seconds(30)
    var retryTimeout = Duration.seconds(75)
    var bufferBytes = 256 * mebibyte
  }

  /// Where the server listens and how clients reach it.
  struct HTTP: Sendable, Equatable {
    var listen = [ListenAddress.tcp(host: .loopback, port: 5000)]
    var publicURL: PublicURL?
    var trustForwarded = [TrustedPeer.network(.loopbackIPv4), .network(.loopbackIPv6), .unixSockets]
    var http2 = true
    var tls = TLS()
  }

  /// Encryption. A rule makes certain that `certificate` and `key` are both set or both absent.
  struct TLS: Sendable, Equatable {
    var certificate: String?
    var key: String?
    var minimumVersion = TLSVersion.tls12
    /// Absent: clients are not asked for certificates.
    var clientCA: String?
  }

  /// The oldest protocol version that a client may use.
  enum TLSVersion: String, Sendable, CaseIterable {
    case tls12 = "1.2"
    case tls13 = "1.3"
  }

  /// Who may do what.
  struct Access: Sendable, Equatable {
    var open = false
    var adminPassword: String?
    var adminPasswordFile: String?
    /// Absent: the host of `http.public_url`, or `berth`.
    var service: String?
    var tokenLifetime = Duration.seconds(300)
    var refreshLifetime = Duration.seconds(30 * 86_400)
    var sessionLifetime = Duration.seconds(12 * 3600)
    /// Absent: tokens may last until they are revoked.
    var longestToken: Duration?
    var clockSkew = Duration.seconds(60)
    var jobIssuers = ["https://token.actions.githubusercontent.com", "https://gitlab.com"]
    var signOn: [SignOnURL] = []
    /// Requests a second.
    var accountRate: Int?
    var addressRate: Int?
    var auditRetention = [RecordRetention(kind: "pull", duration: .seconds(90 * 86_400))]
  }

  /// What is in images, and what is wrong with them.
  struct Inspection: Sendable, Equatable {
    var enabled = true
    var feeds: [FeedURL] = []
    var refreshInterval = Duration.seconds(6 * 3600)
    var bundleKeys: [String] = []
  }

  /// What one client, and all of them together, may take. `nil` is no limit.
  struct Limits: Sendable, Equatable {
    var connections = 10_000
    var headerBytes = 32 * kibibyte
    var manifestBytes = 4 * mebibyte
    var blobBytes: Int?
    var headerTimeout = Duration.seconds(30)
    var idleTimeout = Duration.seconds(75)
    var bodyStallTimeout = Duration.seconds(60)
    /// Bytes a second, averaged over `minimumRateWindow`.
    var minimumRateBytes: Int? = kibibyte
    var minimumRateWindow = Duration.seconds(60)
    var uploadSessions = 10_000
    var shutdownGrace = Duration.seconds(30)
    var drainDelay = Duration.zero
  }

  /// Blob uploads that are under way.
  struct Uploads: Sendable, Equatable {
    var expireAfter = Duration.seconds(24 * 3600)
    var chunkMinimumBytes: Int?
  }

  /// Removal of what nothing refers to.
  struct Collection: Sendable, Equatable {
    var enabled = true
    var interval = Duration.seconds(60)
    var lease = Duration.seconds(24 * 3600)
    var deleteUntagged = false
    var untaggedAfter = Duration.seconds(7 * 86_400)
    /// Blobs a second.
    var pace: Int? = 1000
  }

  /// The background check of stored bytes against their digests.
  struct Integrity: Sendable, Equatable {
    var scrubEnabled = true
    /// Bytes a second.
    var scrubRateBytes: Int? = 8 * mebibyte
    var scrubInterval = Duration.seconds(7 * 86_400)
  }

  /// What a manifest must fulfil to be accepted.
  struct Manifests: Sendable, Equatable {
    var acceptSparseIndexes = false
  }

  /// Memory and open files that are kept for content in demand.
  struct Cache: Sendable, Equatable {
    var manifestBytes = 32 * mebibyte
    var blobBytes = 16 * mebibyte
    /// Open files.
    var descriptors = 512
    /// Absent: no blobs of the object store are kept on disk.
    var diskDirectory: String?
    var diskBytes = 10 * 1024 * mebibyte
  }

  /// What is written to standard error, and how.
  struct Logging: Sendable, Equatable {
    var format = LogFormat.auto
    var level = LogLevel.info
    var requests = true
  }

  /// `auto` is text at a terminal and JSON otherwise.
  enum LogFormat: String, Sendable, CaseIterable {
    case auto, text, json
  }

  /// The least severe message that is written.
  enum LogLevel: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error
  }

  /// Threads for work that blocks. `nil` is a number that fits the machine.
  struct Workers: Sendable, Equatable {
    var threads: Int?
  }
}

private let kibibyte = 1024
private let mebibyte = 1024 * 1024
