public import BlobStorage
public import Ground
internal import NIOCore
internal import Scanning
internal import Synchronization

/// Reads each layer in a process of its own, which may break without harm to anything but that reading.
public struct WorkerInspector: LayerInspector {
  /// The subcommand that a worker is: `berth inspect-layer`.
  public static let command = "inspect-layer"
  /// With it, it makes copies of itself that read.
  public static let forkOption = "--fork"
  /// For so long a worker may neither take nor give a byte.
  static let silenceLimit: Duration = .seconds(120)
  /// For so long one layer may be read. Its CPU time has a limit of its own, in the worker.
  static let timeLimit: Duration = .seconds(3600)
  /// Of the packed list of files that is kept.
  static let filesLimitBytes = 64 << 20

  private let executable: String
  private let time: any TimeSource

  /// - Parameter executable: this very program, whatever its file is called by now.
  public init(executable: String = "/proc/self/exe", time: any TimeSource = SystemTime()) {
    self.executable = executable
    self.time = time
  }

  public func inspect(_ layer: BlobBody) async throws -> InspectedLayer { try await series().inspect(layer) }

  public func forSeveral() -> any LayerInspector { series() }

  func series() -> WorkerSeries { WorkerSeries(executable, time) }
}

/// Reads layers one after the other, each in a process that is forked for it from one that is started for all of them.
final class WorkerSeries: LayerInspector {
  private let executable: String
  private let time: any TimeSource
  private let server = Mutex<ForkServer?>(nil)

  init(_ executable: String, _ time: any TimeSource) {
    self.executable = executable
    self.time = time
  }

  func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
    try await inspect(chunks: try await layer.chunks())
  }

  /// As ``inspect(_:)``, of bytes from elsewhere.
  func inspect<Chunks: AsyncSequence & Sendable>(chunks: Chunks) async throws -> InspectedLayer
  where Chunks.Element == ByteBuffer {
    var talk = WorkerTalk(try process(), time)
    for try await chunk in chunks {
      guard try talk.send(chunk) else { break }
      try Task.checkCancellation()
    }
    return try talk.finish()
  }

  /// One that the server makes, or another server when that is none yet or has come to harm. Where processes cannot be copied, as
  /// in some emulators, the program is started itself.
  private func process() throws -> ConfinedProcess {
    try server.withLock { server in
      if let server, let process = try? ConfinedProcess(forkedBy: server) { return process }
      server = nil
      let another = try ForkServer(
        executable: executable, arguments: [WorkerInspector.command, WorkerInspector.forkOption])
      guard let process = try? ConfinedProcess(forkedBy: another) else {
        return try ConfinedProcess(executable: executable, arguments: [WorkerInspector.command])
      }
      server = another
      return process
    }
  }
}
