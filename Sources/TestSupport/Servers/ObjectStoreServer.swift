import Glibc
import Synchronization

/// A real S3 server that tests start by themselves: SeaweedFS, one process with all its parts, on free ports of
/// 127.0.0.1. It ends with this process at the latest.
public final class ObjectStoreServer: Sendable {
  /// A bucket of a test, and how to get at it.
  public struct Bucket: Sendable {
    public let name: String
    /// As `--blobs` takes it, without a prefix.
    public let location: String
    public let accessKey: String
    public let secretKey: String
    /// Goes behind the back of S3.
    public let backdoor: BucketBackdoor

    /// The same bucket through something that listens on another port, such as a proxy.
    public func location(throughPort port: UInt16) -> String {
      ObjectStoreServer.location(bucket: name, port: port)
    }
  }

  public static let accessKey = "berth-test-access"
  public static let secretKey = "berth-test-secret/+="
  public static let region = "us-east-1"

  /// Where S3 is spoken.
  public let port: UInt16
  private let filerPort: UInt16
  private let folder: String
  private let arguments: [String]
  private let program = Mutex<ServerProgram?>(nil)
  private let buckets = Atomic<Int>(0)

  private static let sharedServer = Shared<ObjectStoreServer>()

  /// The one server that all tests of this process share. Not for tests that stop it.
  public static func shared() async throws -> ObjectStoreServer {
    try await sharedServer.value { try await start() }
  }

  /// Starts a server with nothing in it.
  public static func start() async throws -> ObjectStoreServer {
    let server = try ObjectStoreServer()
    try await server.launch()
    return server
  }

  private init() throws {
    folder = try temporaryDirectory()
    Watchdog.shared.guardFolder(folder)
    let (master, volume) = (try FreePort.next(), try FreePort.next())
    port = try FreePort.next()
    filerPort = try FreePort.next()
    let identities = "\(folder)/identities.json"
    try writeText(SeaweedPrograms.identities, to: identities)
    arguments = [
      "-v=0", "-logtostderr=true", "server", "-dir=\(folder)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
      "-master.port=\(master)", "-master.port.grpc=\(try FreePort.next())", "-master.telemetry=false",
      "-master.volumeSizeLimitMB=256", "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms",
      "-volume.port=\(volume)", "-volume.port.grpc=\(try FreePort.next())", "-volume.max=500",
      "-volume.preStopSeconds=0",
      "-filer=true", "-filer.port=\(filerPort)", "-filer.port.grpc=\(try FreePort.next())",
      "-filer.localSocket=\(folder)/filer.sock", "-filer.dirListLimit=100000",
      "-s3=true", "-s3.port=\(port)", "-s3.port.grpc=\(try FreePort.next())", "-s3.config=\(identities)",
      "-s3.localSocket=\(folder)/s3.sock", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false",
    ]
  }

  deinit { program.withLock { $0?.signal(SIGKILL) } }

  /// An empty bucket.
  public func freshBucket() async throws -> Bucket {
    let name = "bucket-\(buckets.add(1, ordering: .relaxed).newValue)"
    let backdoor = BucketBackdoor(filerPort: filerPort, bucket: name)
    try await backdoor.makeBucket()
    return Bucket(
      name: name, location: Self.location(bucket: name, port: port), accessKey: Self.accessKey,
      secretKey: Self.secretKey, backdoor: backdoor)
  }

  static func location(bucket: String, port: UInt16) -> String {
    "s3://\(bucket)?endpoint=http://127.0.0.1:\(port)&region=\(region)&path-style=true"
  }

  /// Starts the server and waits until S3 answers.
  public func launch() async throws {
    let started = try ServerProgram(
      SeaweedPrograms.find(), arguments, environment: SeaweedPrograms.environment(home: folder),
      logPath: "\(folder)/log")
    program.withLock { $0 = started }
    try await SeaweedPrograms.waitUntilReady(started, s3Port: port, filerPort: filerPort)
  }

  /// Kills the server (SIGKILL); the data stay.
  public func kill() async {
    guard let running = program.withLock({ $0 }) else { return }
    running.signal(SIGKILL)
    await running.ended()
  }

  /// Kills the server and starts it again on the same ports.
  public func restart() async throws {
    await kill()
    try await launch()
  }

  /// Stops the process without ending it: connections stay open, and nothing answers (SIGSTOP).
  public func pause() { program.withLock { $0?.pause() } }

  /// Lets it go on.
  public func resume() { program.withLock { $0?.resume() } }

  /// Ends the server and removes its data.
  public func stop() async throws {
    await kill()
    try removeTree(folder)
  }

  /// The end of what the server has printed.
  public var log: String { program.withLock { $0?.log } ?? "" }
}
