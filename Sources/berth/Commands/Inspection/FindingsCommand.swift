import ArgumentParser
import OCI

struct FindingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "findings", abstract: "What is wrong with an image.",
    discussion: """
      berth findings acme/api:2.3
      berth findings acme/api:2.3 --severity high --fail-on critical --fail-on secret

      \(FindingsView.exitCodes)
      """)
  @Argument(help: "An image: acme/api:2.3 or acme/api@sha256:….") var image: ImageName
  @OptionGroup var view: FindingsView
  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    try view.tell(try await remote.findings(of: image, platform: view.platform), remote)
  }
}

/// Which findings are shown, and how.
struct FindingsView: ParsableArguments {
  @Option(help: "Which image of an index, such as linux/arm64.") var platform: String?
  @Option(help: "Only of this severity or worse: low, medium, high, critical.") var severity: SeverityName?
  @Flag(help: "Only what a newer version mends.") var fixable = false
  @Flag(help: "Also what does not count, with who says so.") var suppressed = false
  @Flag(help: "In the form that code hosts and editors read: SARIF 2.1.0.") var sarif = false
  @Flag(help: "Also set-user-ID files and files that everybody may write; secrets are always shown.")
  var notices = false
  @Option(
    help: ArgumentHelp(
      "Exit with 1 when something of this severity or worse counts, or such a file is there; may be repeated.",
      valueName: "what"))
  var failOn: [FailCondition] = []

  static let exitCodes = """
    With --fail-on it exits with 1 when there is what it is to fail on, or when the image cannot be judged; with and
    without it with 2 when it could not be asked.
    """

  /// Prints images with their findings as they are asked for.
  ///
  /// - Throws: the exit code 1 when something counts that the command is to fail on.
  func tell(_ images: [JSONValue], _ remote: RemoteOptions) throws {
    let shown = images.map { InspectedReport($0, keeping: shows) }
    if sarif {
      print(SARIF.log(of: shown.map(\.json)).text)
    } else if remote.output == .table {
      if images.isEmpty { print("It lists no images.") }
      for report in shown { report.tell(remote, withNotices: notices) }
    } else {
      remote.tell("", .array(shown.map(\.json)))
    }
    // What is not shown may count all the same.
    let whole = images.map { InspectedReport($0) { _ in true } }
    let isNothingHere = !whole.contains { $0.isHere }
    if !failOn.isEmpty, isNothingHere || whole.contains(where: { $0.fails(failOn) }) { throw ExitCode.failure }
  }

  private func shows(_ finding: JSONValue) -> Bool {
    let isSuppressed = !(finding["suppressed"]?.isNull ?? true)
    return (suppressed || !isSuppressed) && (!fixable || finding["fixed"]?.string != nil)
      && (severity.map { SeverityName.of(finding) >= $0 } ?? true)
  }
}

extension RemoteOptions {
  /// The images of a reference, each with its findings.
  ///
  /// - Throws: the exit code 2 when the server does not tell.
  func findings(of image: ImageName, platform: String?) async throws -> [JSONValue] {
    var found: [JSONValue] = []
    do {
      try await run { server in found = try await server.findings(of: image, platform: platform) }
    } catch is ExitCode {
      throw ExitCode.couldNotAsk
    }
    return found
  }
}

extension RemoteServer {
  /// The images of a reference, each with its findings.
  func findings(of image: ImageName, platform: String?) async throws -> [JSONValue] {
    let query = platform.map { "?platform=\(PercentCoding.encoded($0))" } ?? ""
    let path = "\(image.repository.apiPath)/findings/\(PercentCoding.encoded(image.reference.description))\(query)"
    return try await call(.get, path).array ?? []
  }
}
