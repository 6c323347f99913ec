import ArgumentParser
import OCI

struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Search for images by words and fields.",
    discussion: """
      berth search payments
      berth search 'repo:acme/*' 'version:>=2.1,<3' 'built:<30d'
      berth search label:team=payments -env:production sort:-version
      berth search 'repo:acme/api untagged:yes size:>500MB'

      Fields: repo, tag, version, label, env, built, pushed, by, platform, size, base, digest, revision, license,
      package, cve, severity; untagged:yes; sort:pushed, built, name, version or size, with - before it from the end.
      AND, OR, NOT, -, parentheses and quotation marks work as usual.

      Options stand anywhere: --server ADDRESS; --output table or json, also -o; --count NUMBER, also -n (50 unless
      given). What follows -- is all query.
      """)

  @Argument(
    parsing: .captureForPassthrough, help: "The query; several arguments are put together with spaces between them.")
  var query: [String] = []

  func run() async throws {
    // A query may hold words that begin with a dash, so options are told apart by hand.
    let parts = try SearchArguments(query)
    if parts.wantsHelp { throw CleanExit.helpRequest(self) }
    let remote = parts.remote
    try await remote.run { server in
      let found = try await server.some(
        parts.count, "/api/v1/search?q=\(PercentCoding.encoded(parts.query))")
      remote.show(
        found.map { Self.row($0, isTable: remote.output == .table) },
        [
          ("repository", "repository"), ("tag", "tag"), ("digest", "digest"), ("pushed", "pushedAt"), ("by", "by"),
          ("platforms", "platforms"), ("size", "size"), ("labels", "labels"),
        ])
    }
  }

  /// With those facts that the table shows.
  private static func row(_ image: JSONValue, isTable: Bool) -> JSONValue {
    guard isTable, var row = image.object else { return image }
    row.append("platforms", image["facts"]?["platforms"] ?? .null)
    row.append("size", image["facts"]?["size"]?.integer.map { .string(sizeText($0)) } ?? .null)
    return .object(row)
  }
}

/// The arguments of a search: options, and everything else is the query.
struct SearchArguments {
  private(set) var remote = RemoteOptions()
  private(set) var count = RowCount(50)
  private(set) var query = ""
  private(set) var wantsHelp = false

  init(_ arguments: [String]) throws {
    var words: [String] = []
    var rest = arguments[...]
    var options: [String] = []
    while let argument = rest.popFirst() {
      let (name, attached) = Self.split(argument)
      switch name {
      case "--help", "-h": wantsHelp = true
      case "--":
        words += rest
        rest = []
      case "--server", "--output", "-o":
        guard let value = attached ?? rest.popFirst() else { throw ValidationError("\(name) needs a value") }
        options += [name, value]
      case "--count", "-n":
        guard let number = (attached ?? rest.popFirst()).flatMap({ RowCount(argument: $0) }) else {
          throw ValidationError("\(name) is a number from 1 to \(RowCount.limit)")
        }
        count = number
      case let name where name.hasPrefix("--"): throw ValidationError("there is no option \(name)")
      default: words.append(argument)
      }
    }
    remote = try RemoteOptions.parse(options)
    query = words.joined(separator: " ")
  }

  private static func split(_ argument: String) -> (name: String, value: String?) {
    guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
    return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
  }
}
