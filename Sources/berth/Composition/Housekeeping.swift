import Ground
import HTTPService
import Logging
import ServiceLifecycle
import UnixSignals

/// Small things that recur while the server runs: log lines go out, changed certificates are read, SIGHUP reloads.
struct Housekeeping: Service {
  let output: LineLogHandler.Output
  let tls: TLSIdentity?
  let logger: Logger
  /// Reads the configuration again; throws what is wrong with it.
  let reload: @Sendable () throws -> Void

  /// A line waits this long at the most when few come.
  static let flushInterval: Duration = .milliseconds(200)
  /// How often the certificate's files are looked at, in flushes.
  static let certificateInterval = 10

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup { group in
        group.addTask { await self.recur() }
        group.addTask { await self.listenForReload() }
      }
    }
    output.writer.flush()
  }

  private func recur() async {
    var round = 0
    while !Task.isCancelled {
      output.writer.flush()
      round += 1
      if round % Self.certificateInterval == 0 { tls?.reloadIfChanged() }
      do { try await Task.sleep(for: Self.flushInterval) } catch { return }
    }
  }

  private func listenForReload() async {
    for await _ in await UnixSignalsSequence(trapping: .sighup) {
      do {
        try reload()
        tls?.reloadIfChanged()
      } catch {
        logger.warning("configuration cannot be used, the old one stays", metadata: ["cause": "\(error)"])
      }
    }
  }
}
