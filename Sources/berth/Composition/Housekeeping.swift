import Ground
import HTTPService
import Logging
import ServiceLifecycle
import UnixSignals

/// Small things around the server while it runs: the service manager is told that it is ready, changed certificates are read,
/// SIGHUP reloads.
struct Housekeeping: Service {
  let tls: TLSIdentity?
  let logger: Logger
  /// Reads the configuration again; throws what is wrong with it.
  let reload: @Sendable () async throws -> Void

  /// How often the certificate's files are looked at.
  static let certificateInterval: Duration = .seconds(2)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup { group in
        group.addTask { await self.watchCertificate() }
        group.addTask { await self.listenForReload() }
      }
    }
  }

  private func watchCertificate() async {
    guard let tls else { return }
    while !Task.isCancelled {
      tls.reloadIfChanged()
      do { try await Task.sleep(for: Self.certificateInterval) } catch { return }
    }
  }

  private func listenForReload() async {
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    // Not before: who is told that the server is ready may send it signals. Those to stop are trapped before services begin.
    ServiceManager.tell(.ready)
    for await _ in hangups {
      ServiceManager.tell(.reloading)
      defer { ServiceManager.tell(.ready) }
      do {
        try await reload()
        tls?.reloadIfChanged()
      } catch {
        logger.warning("configuration cannot be used, the old one stays", metadata: ["cause": "\(error)"])
      }
    }
  }
}
