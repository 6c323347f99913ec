import ArgumentParser
import Dispatch
import Glibc
import Upkeep

@main
enum Main {
  /// The commands need threads. The process that reads a layer has none but this one: its walls let it make no other.
  static func main() {
    let words = CommandLine.arguments.dropFirst()
    if words.first == WorkerInspector.command {
      InspectLayerCommand.work(isForking: words.contains(WorkerInspector.forkOption))
    }
    // Its threads ask for priorities that only root may give, and it tells the system's log of each refusal.
    setenv("LIBDISPATCH_LOG", "NO", 0)
    Task {
      await Berth.runCommandLine()
      exit(EXIT_SUCCESS)
    }
    dispatchMain()
  }
}

struct Berth: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "berth",
    abstract: "A container registry in one binary.",
    discussion: """
      Try it out:
        berth serve --open
        skopeo copy docker-archive:image.tar docker://127.0.0.1:5000/acme/api:1.0 --dest-tls-verify=false
      """,
    version: "berth \(version)",
    subcommands: [
      ServeCommand.self, CheckCommand.self, CollectCommand.self, MoveCommand.self, ConfigCommand.self,
      HealthcheckCommand.self, VersionCommand.self,
      LoginCommand.self, LogoutCommand.self, WhoamiCommand.self, UserCommand.self, TeamCommand.self,
      NamespaceCommand.self,
      GrantCommand.self, RobotCommand.self, TokenCommand.self, TrustCommand.self, AccessCommand.self, AuditCommand.self,
      TagCommand.self, RuleCommand.self, SearchCommand.self, EnvironmentCommand.self,
      RetentionCommand.self,
      HistoryCommand.self, DiffCommand.self, InventoryCommand.self, FindingsCommand.self,
      ScanCommand.self, FilesCommand.self, SBOMCommand.self, VEXCommand.self, PolicyCommand.self, ExceptionCommand.self,
      AdvisoriesCommand.self, AffectedCommand.self, BaseCommand.self, InspectionCommand.self, MatchCommand.self,
      VersionOrderCommand.self,
      InspectLayerCommand.self,
    ])
}

extension Berth {
  /// Runs what the command line says. What a command finds wrong with it while it runs is told with the usage of that command: the
  /// parser, which is left by then, has that of `berth` alone.
  static func runCommandLine() async {
    do {
      var command = try await asyncParseAsRoot()
      do {
        if var command = command as? any AsyncParsableCommand {
          try await command.run()
        } else {
          try command.run()
        }
      } catch let error as ValidationError {
        standardError(complaint(error, of: type(of: command)))
        throw ExitCode.validationFailure
      }
    } catch {
      exit(withError: error)
    }
  }

  /// In the parser's words.
  static func complaint(_ error: ValidationError, of command: any ParsableCommand.Type) -> String {
    let usage = usageString(for: command)
    let name = usage.split(separator: " ").prefix { $0.first?.isLetter ?? false }.joined(separator: " ")
    return "Error: \(error.message)\nUsage: \(usage)\n  See '\(name) --help' for more information."
  }
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")
  func run() { print("berth \(Berth.version)") }
}
