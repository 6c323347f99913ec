import ArgumentParser
import OCI
import RegistryCore

struct FindingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "findings", abstract: "What is wrong with an image.",
    discussion: """
      berth findings acme/api:2.3
      berth findings acme/api:2.3 --severity high --fail-on critical
      """)
  @Argument(help: "An image: acme/api:2.3 or acme/api@sha256:….") var image: ImageName
  @OptionGroup var view: FindingsView
  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    try await remote.run { server in
      try view.tell(try await server.findings(of: image, platform: view.platform), remote)
    }
  }
}

/// Which findings are shown, and how.
struct FindingsView: ParsableArguments {
  @Option(help: "Which image of an index, such as linux/arm64.") var platform: String?
  @Option(help: "Only of this severity or worse: low, medium, high, critical.") var severity: SeverityName?
  @Flag(help: "Only what a newer version mends.") var fixable = false
  @Flag(help: "Also what does not count, with who says so.") var suppressed = false
  @Flag(help: "In the form that code hosts and editors read: SARIF 2.1.0.") var sarif = false
  @Option(help: "Exit with 1 when something of this severity or worse counts, or the image cannot be judged.")
  var failOn: SeverityName?

  /// Prints images with their findings as they are asked for.
  ///
  /// - Throws: the exit code 1 when something counts that the command is to fail on.
  func tell(_ images: [JSONValue], _ remote: RemoteOptions) throws {
    let shown = images.map { InspectedReport($0, keeping: shows) }
    if sarif {
      print(SARIF.log(of: shown.map(\.json)).text)
    } else if remote.output == .table {
      if images.isEmpty { print("It lists no images.") }
      for report in shown { report.tell(remote) }
    } else {
      remote.tell("", .array(shown.map(\.json)))
    }
    // What is not shown may count all the same.
    let whole = images.map { InspectedReport($0) { _ in true } }
    if let failOn, whole.isEmpty || whole.contains(where: { $0.fails(failOn) }) { throw ExitCode.failure }
  }

  private func shows(_ finding: JSONValue) -> Bool {
    let isSuppressed = !(finding["suppressed"]?.isNull ?? true)
    return (suppressed || !isSuppressed) && (!fixable || finding["fixed"]?.string != nil)
      && (severity.map { SeverityName.of(finding) >= $0 } ?? true)
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

/// A severity on the command line.
struct SeverityName: ExpressibleByArgument, Comparable {
  let rank: Int

  init?(argument: String) {
    guard let rank = ImageFinding.severities.firstIndex(of: argument) else { return nil }
    self.rank = rank
  }

  private init(rank: Int) { self.rank = rank }

  var name: String { ImageFinding.severities[rank] }

  static func of(_ finding: JSONValue) -> SeverityName {
    SeverityName(rank: ImageFinding.severities.firstIndex(of: finding["severity"]?.string ?? "") ?? 0)
  }

  static func < (a: SeverityName, b: SeverityName) -> Bool { a.rank < b.rank }
  static var allValueStrings: [String] { ImageFinding.severities }
}

/// An image with its findings, as the server tells of them.
struct InspectedReport {
  let json: JSONValue
  /// Those that are shown.
  private let findings: [JSONValue]

  init(_ image: JSONValue, keeping: (JSONValue) -> Bool) {
    findings = (image["findings"]?.array ?? []).filter(keeping)
    let kept = findings
    json = .object(
      JSONObject(
        (image.object?.members ?? []).map {
          $0.key == "findings" ? .init(key: "findings", value: .array(kept)) : $0
        }))
  }

  /// Whether something counts that is as bad, or nothing can be said.
  func fails(_ limit: SeverityName) -> Bool {
    if let state = json["state"]?.string, state != "inventoried", state != "none" { return true }
    // Without advisories, nothing found is no good news.
    if json["unjudged"]?.string != nil { return true }
    return findings.contains { ($0["suppressed"]?.isNull ?? true) && SeverityName.of($0) >= limit }
  }

  /// The finding with who says that it does not count, in words.
  private static func withReason(_ finding: JSONValue) -> JSONValue {
    guard var object = finding.object, let suppressed = finding["suppressed"], !suppressed.isNull else {
      return finding
    }
    let words = [suppressed["by"]?.string, suppressed["reason"]?.string].compactMap { $0 }
    object.append("because", .string("\(words.joined(separator: ": ")) (\(suppressed["author"]?.string ?? ""))"))
    return .object(object)
  }

  func tell(_ remote: RemoteOptions) {
    let platform = json["platform"]?.string.map { "  \($0)" } ?? ""
    let system = json["distribution"]?.string ?? "no distribution"
    print("\(json["image"]?.string ?? "")\(platform)  \(system)  \(json["packages"]?.integer ?? 0) packages")
    switch json["state"]?.string {
    case "inventoried": break
    case "none": print("It holds nothing that could be inspected.")
    case let state: print("\(state ?? ""): \(json["reason"]?.string ?? "it is not read yet")")
    }
    let unjudged = json["unjudged"]?.string
    for note in [json["support"]?.string, unjudged] { if let note { print("Note: \(note)") } }
    guard !findings.isEmpty else {
      if json["state"]?.string == "inventoried", unjudged == nil { print("Nothing that counts is known.") }
      return
    }
    let isSuppressed = findings.contains { !($0["suppressed"]?.isNull ?? true) }
    let columns = [
      ("severity", "severity"), ("vulnerability", "vulnerability"), ("package", "package"), ("version", "version"),
      ("fixed", "fixed"), ("state", "state"), ("exploited", "exploitedSince"), ("advisory", "advisory"),
    ]
    remote.show(
      findings.map(Self.withReason), isSuppressed ? columns + [("does not count", "because")] : columns)
  }
}
