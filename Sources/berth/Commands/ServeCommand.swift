import Access
import ArgumentParser
import CLinux
import Glibc
import Ground
import HTTPService
import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the registry.",
    discussion: """
      Listens on 127.0.0.1:5000 and keeps its data in ./berth-data unless told otherwise.
      The first start makes the account admin and prints its password once, unless BERTH_ADMIN_PASSWORD or
      BERTH_ADMIN_PASSWORD_FILE gives one. With --open everybody may do everything, on loopback addresses only.
      """)

  @OptionGroup var options: SettingsOptions

  @Option(
    help: ArgumentHelp(
      "An address to listen on: 127.0.0.1:5000, [::1]:5000, unix:/run/berth.sock. May be repeated.",
      valueName: "address"))
  var listen: [String] = []

  @Option(
    help: ArgumentHelp(
      "The address that clients know, when it is another one: https://registry.example.", valueName: "url"))
  var publicUrl: String?

  @Flag(help: "Let everybody do everything. Loopback only.")
  var open = false

  func run() async throws {
    berth_tune_allocator()
    raiseDescriptorLimit()
    signal(SIGPIPE, SIG_IGN)
    let loaded = try options.load(more: flags)
    let output = Self.output(loaded.settings)
    let logger = Logger(label: "berth") { _ in LineLogHandler(output: output) }
    let server: Server
    let addresses: [HTTPServer.Address]
    do {
      server = try await Server(loaded.settings, output: output, logger: logger)
      do {
        if !loaded.settings.access.open {
          try await server.makeFirstAccount(loaded.settings)
          await server.access.tellIdleAccess(logger)
        }
        addresses = try await server.http.listen()
      } catch {
        await server.close()
        throw error
      }
    } catch {
      output.writer.flush()
      standardError("berth: \(error)")
      throw ExitCode.failure
    }
    logger.info(
      "ready",
      metadata: Self.description(of: loaded.settings.storage).merging([
        "version": "\(Berth.version)", "listen": "\(addresses.map(\.description).joined(separator: " "))",
      ]) { $1 })
    if loaded.settings.access.open { logger.warning("open: everybody on this machine may do everything") }
    let tell: @Sendable () -> Void = {
      logger.warning("told to stop a second time: requests under way are cut")
      output.writer.flush()
    }
    try await SecondSignal.endsAtOnce(tell) {
      try await runServices(server, loaded, output, logger)
      await server.close()
    }
    logger.info("stopped")
    output.writer.flush()
  }

  private var flags: [SettingFlag] {
    var flags: [SettingFlag] = []
    if !listen.isEmpty { flags.append(SettingFlag("--listen", listen)) }
    if let publicUrl { flags.append(SettingFlag("--public-url", publicUrl)) }
    if open { flags.append(SettingFlag("--open")) }
    return flags
  }

  /// Where everything is kept.
  private static func description(of storage: Settings.Storage) -> Logger.Metadata {
    var parts: Logger.Metadata = [:]
    if storage.database == nil || storage.blobs == nil { parts["data"] = "\(storage.data)" }
    if let database = storage.database { parts["database"] = "\(database.shown)" }
    if let blobs = storage.blobs { parts["blobs"] = "\(blobs.text)" }
    return parts
  }

  private static func output(_ settings: Settings) -> LineLogHandler.Output {
    let isTerminal = isatty(STDERR_FILENO) == 1
    let isJSON: Bool
    switch settings.logging.format {
    case .auto: isJSON = !isTerminal
    case .json: isJSON = true
    case .text: isJSON = false
    }
    return LineLogHandler.Output(
      writer: LineWriter(descriptor: STDERR_FILENO, flushesEachLine: isTerminal), isJSON: isJSON,
      level: Logger.Level(settings.logging.level))
  }

  private func runServices(
    _ server: Server, _ loaded: LoadedSettings, _ output: LineLogHandler.Output, _ logger: Logger
  ) async throws {
    let current = Mutex(loaded.settings)
    let keeping = Housekeeping(tls: server.tls, logger: logger) {
      let fresh = try options.read(more: flags).settings
      let plan = ReloadPlan(from: current.withLock { $0 }, to: fresh)
      current.withLock { $0 = plan.effective }
      server.apply(plan.effective)
      output.level = Logger.Level(plan.effective.logging.level)
      for change in plan.live {
        logger.info("setting changed", metadata: ["setting": "\(change.path)", "value": "\(change.after)"])
      }
      for change in plan.restart {
        logger.warning("setting takes effect after a restart", metadata: ["setting": "\(change.path)"])
      }
      logger.info("configuration was read again")
      if !plan.effective.access.open, plan.live.contains(where: { IdleAccess.settings.contains($0.path) }) {
        await server.access.tellIdleAccess(logger)
      }
    }
    var quiet = Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
    quiet.logLevel = .critical
    var group = ServiceGroupConfiguration(
      services: [
        .init(service: keeping), .init(service: server.upkeep), .init(service: server.http),
        .init(service: StopNotice()),
      ], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    group.maximumGracefulShutdownDuration =
      loaded.settings.limits.drainDelay + loaded.settings.limits.shutdownGrace + .seconds(10)
    try await ServiceGroup(configuration: group).run()
  }
}

extension Logger.Level {
  init(_ level: Settings.LogLevel) {
    self =
      switch level {
      case .trace: .trace
      case .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      }
  }
}
