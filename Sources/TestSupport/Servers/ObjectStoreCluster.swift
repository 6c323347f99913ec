import Glibc
import Synchronization

/// SeaweedFS as three storage nodes behind one S3 server, every object on two of them: for tests that kill a node.
public final class ObjectStoreCluster: Sendable {
  /// Where S3 is spoken.
  public let port: UInt16
  private let filerPort: UInt16
  private let folder: String
  private let masterAddress: String
  private let nodePorts: [(http: UInt16, grpc: UInt16)]
  private let head: Mutex<ServerProgram?>
  private let nodes: Mutex<[ServerProgram?]>
  private let buckets = Atomic<Int>(0)

  /// Starts all four processes, and waits until S3 writes to the nodes.
  public static func start() async throws -> ObjectStoreCluster {
    let cluster = try ObjectStoreCluster()
    for number in 0..<3 { try cluster.startNode(number) }
    try await cluster.waitUntilReady()
    return cluster
  }

  private init() throws {
    folder = try temporaryDirectory()
    Watchdog.shared.guardFolder(folder)
    let (master, masterGRPC) = (try FreePort.next(), try FreePort.next())
    port = try FreePort.next()
    filerPort = try FreePort.next()
    masterAddress = "127.0.0.1:\(master).\(masterGRPC)"
    nodePorts = try (0..<3).map { _ in (try FreePort.next(), try FreePort.next()) }
    nodes = Mutex([nil, nil, nil])
    for name in ["head", "node0", "node1", "node2"] {
      guard mkdir("\(folder)/\(name)", 0o700) == 0 else { throw LabError("cannot make \(name): errno \(errno)") }
    }
    let identities = "\(folder)/identities.json"
    try writeText(SeaweedPrograms.identities, to: identities)
    let started = try ServerProgram(
      SeaweedPrograms.find(),
      [
        "-v=0", "-logtostderr=true", "server", "-dir=\(folder)/head", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-volume=false", "-master.port=\(master)", "-master.port.grpc=\(masterGRPC)", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=256", "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms",
        "-master.defaultReplication=001",
        "-filer=true", "-filer.port=\(filerPort)", "-filer.port.grpc=\(try FreePort.next())",
        "-filer.localSocket=\(folder)/filer.sock", "-filer.dirListLimit=100000",
        "-s3=true", "-s3.port=\(port)", "-s3.port.grpc=\(try FreePort.next())", "-s3.config=\(identities)",
        "-s3.localSocket=\(folder)/s3.sock", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false",
      ], environment: SeaweedPrograms.environment(home: folder), logPath: "\(folder)/log")
    head = Mutex(started)
  }

  deinit {
    head.withLock { $0?.signal(SIGKILL) }
    nodes.withLock { for node in $0 { node?.signal(SIGKILL) } }
  }

  /// An empty bucket.
  public func freshBucket() async throws -> ObjectStoreServer.Bucket {
    let name = "bucket-\(buckets.add(1, ordering: .relaxed).newValue)"
    let backdoor = BucketBackdoor(filerPort: filerPort, bucket: name)
    try await backdoor.makeBucket()
    return ObjectStoreServer.Bucket(
      name: name, location: ObjectStoreServer.location(bucket: name, port: port),
      accessKey: ObjectStoreServer.accessKey, secretKey: ObjectStoreServer.secretKey, backdoor: backdoor)
  }

  /// Kills one of the three nodes (SIGKILL); its data stay.
  public func killNode(_ number: Int) async {
    guard let node = nodes.withLock({ $0[number] }) else { return }
    node.signal(SIGKILL)
    await node.ended()
  }

  /// Starts a node, or starts it again with the data that it had.
  public func startNode(_ number: Int) throws {
    let node = try ServerProgram(
      SeaweedPrograms.find(),
      [
        "-v=0", "-logtostderr=true", "volume", "-dir=\(folder)/node\(number)", "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1", "-master=\(masterAddress)", "-port=\(nodePorts[number].http)",
        "-port.grpc=\(nodePorts[number].grpc)", "-max=200", "-preStopSeconds=0", "-id=node\(number)",
      ], environment: SeaweedPrograms.environment(home: folder), logPath: "\(folder)/log\(number)")
    nodes.withLock { $0[number] = node }
  }

  /// Ends everything and removes the data.
  public func stop() async throws {
    for number in 0..<3 { await killNode(number) }
    if let running = head.withLock({ $0 }) {
      running.signal(SIGKILL)
      await running.ended()
    }
    try removeTree(folder)
  }

  /// The end of what the processes have printed.
  public var log: String {
    let texts = nodes.withLock { $0.map { $0?.log ?? "" } }
    return ([head.withLock { $0?.log } ?? ""] + texts).joined(separator: "\n")
  }

  private func waitUntilReady() async throws {
    guard let running = head.withLock({ $0 }) else { return }
    try await SeaweedPrograms.waitUntilReady(running, s3Port: port, filerPort: filerPort)
  }
}
