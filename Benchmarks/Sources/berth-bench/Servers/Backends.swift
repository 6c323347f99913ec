import Foundation
import Glibc

/// What replicas need: a PostgreSQL that syncs, an S3 server, and the redis that docker-registry's cache wants. On loopback, in a
/// folder of the run.
struct Backends: Sendable {
  static let accessKey = "bench"
  static let secretKey = "bench-secret"

  let s3Port: UInt16
  let filerPort: UInt16
  let postgresPort: UInt16
  let redisPort: UInt16
  private let processes: [ChildProcess]

  /// Starts all of them, and waits until they answer.
  static func start(_ launcher: Launcher) throws -> Backends {
    let home = "\(launcher.directory)/backends"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    chmod(launcher.directory, 0o755)
    chmod(home, 0o755)
    var processes: [ChildProcess] = []
    do {
      let postgresPort = try launcher.freePort()
      processes += [try startPostgres(home, postgresPort)]
      let (s3, filer) = (try launcher.freePort(), try launcher.freePort())
      processes += [try startObjects(home, s3, filer, launcher)]
      let redis = try launcher.freePort()
      processes += [
        try ChildProcess.start(
          ["redis-server", "--port", "\(redis)", "--bind", "127.0.0.1", "--save", "", "--dir", home],
          log: "\(home)/redis.log")
      ]
      try waitFor("the S3 server", home) { try run(["curl", "-sf", "http://127.0.0.1:\(s3)/status"], home) }
      return Backends(
        s3Port: s3, filerPort: filer, postgresPort: postgresPort, redisPort: redis, processes: processes)
    } catch {
      for process in processes { process.stop() }
      throw error
    }
  }

  func stop() { for process in processes.reversed() { process.stop() } }

  /// CPU seconds of PostgreSQL so far.
  func databaseCPUSeconds() -> Double { processes.first.map { ProcessFigures(pid: $0.pid).cpuSeconds() } ?? 0 }

  /// Makes an empty bucket: a folder of the filer.
  func makeBucket(_ name: String, _ launcher: Launcher) throws {
    try Self.waitFor("a bucket", launcher.directory) {
      try Self.run(["curl", "-sf", "-X", "POST", "http://127.0.0.1:\(filerPort)/buckets/\(name)/"], launcher.directory)
    }
  }

  /// Makes an empty database, and answers its URL.
  func makeDatabase(_ name: String, _ launcher: Launcher) throws -> String {
    let made = try Self.run(
      ["\(Self.postgresFolder())/createdb", "-h", "127.0.0.1", "-p", "\(postgresPort)", "-U", "berth", name],
      launcher.directory)
    guard made else { throw BenchError("createdb \(name) failed") }
    return "postgres://berth@127.0.0.1:\(postgresPort)/\(name)"
  }

  func blobsURL(_ bucket: String) -> String { "s3://\(bucket)?endpoint=http://127.0.0.1:\(s3Port)&region=us-east-1" }

  // MARK: Starting

  private static func startPostgres(_ home: String, _ port: UInt16) throws -> ChildProcess {
    let folder = "\(home)/postgres"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let isRoot = geteuid() == 0
    if isRoot, let entry = getpwnam("postgres") { chown(folder, entry.pointee.pw_uid, entry.pointee.pw_gid) }
    let user = isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] : []
    let programs = postgresFolder()
    guard try run(user + ["\(programs)/initdb", "-D", "\(folder)/data", "-U", "berth", "--auth=trust"], home) else {
      throw BenchError("initdb failed; see \(home)/run.log")
    }
    let process = try ChildProcess.start(
      user + [
        "\(programs)/postgres", "-D", "\(folder)/data", "-h", "127.0.0.1", "-p", "\(port)", "-k", folder, "-c",
        "max_connections=200", "-c", "shared_buffers=256MB",
      ], log: "\(home)/postgres.log")
    try waitFor("PostgreSQL", home) {
      try run(["\(programs)/pg_isready", "-q", "-h", "127.0.0.1", "-p", "\(port)"], home)
    }
    return process
  }

  private static func startObjects(
    _ home: String, _ s3: UInt16, _ filer: UInt16, _ launcher: Launcher
  ) throws -> ChildProcess {
    let weed = FileManager.default.currentDirectoryPath + "/../.build-tools/venv/bin/weed"
    guard access(weed, X_OK) == 0 else { throw BenchError("SeaweedFS is not at \(weed): make bench installs it") }
    let identities = """
      {"identities": [{"name": "bench", "actions": ["Admin", "Read", "Write", "List"],
        "credentials": [{"accessKey": "\(accessKey)", "secretKey": "\(secretKey)"}]}]}
      """
    try identities.write(toFile: "\(home)/identities.json", atomically: false, encoding: .utf8)
    try FileManager.default.createDirectory(atPath: "\(home)/objects", withIntermediateDirectories: true)
    var arguments = [
      "env", "HOME=\(home)", "TMPDIR=\(home)", weed, "-logtostderr=true", "server", "-dir=\(home)/objects",
      "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-volume.max=200", "-filer=true",
      "-filer.port=\(filer)", "-s3=true", "-s3.port=\(s3)", "-s3.config=\(home)/identities.json", "-s3.port.iceberg=0",
      "-s3.port.lance=0", "-filer.localSocket=\(home)/filer.sock", "-s3.localSocket=\(home)/s3.sock",
      "-master.volumeSizeLimitMB=1024",
    ]
    for name in [
      "master.port", "volume.port", "master.port.grpc", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc",
    ] {
      arguments.append("-\(name)=\(try launcher.freePort())")
    }
    return try ChildProcess.start(arguments, log: "\(home)/objects.log")
  }

  private static func postgresFolder() -> String {
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
    let newest = versions.compactMap { Int($0) }.max() ?? 0
    return "/usr/lib/postgresql/\(newest)/bin"
  }

  /// - Returns: whether the program ended with 0.
  private static func run(_ arguments: [String], _ home: String) throws -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  private static func waitFor(_ what: String, _ home: String, _ isReady: () throws -> Bool) throws {
    for _ in 0..<600 {
      if try isReady() { return }
      usleep(100_000)
    }
    throw BenchError("\(what) does not answer; its log is in \(home)")
  }
}
