import ArgumentParser
import OCI

struct LabelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label", abstract: "Labels on tags and digests.",
    subcommands: [Set.self, Show.self, History.self])

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "set",
      abstract: "Set labels, or take them away; nothing is pushed.",
      discussion: """
        berth tag label set acme/api:2.3 team=payments tier=1
        berth tag label set acme/api:2.3 tier-
        """)
    @Argument(help: "The image: acme/api:2.3, acme/api@sha256:….") var image: ImageName
    @Argument(help: "key=value sets a label, key- takes it away.") var labels: [String]
    @Option(help: "Why.") var reason: String?
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
      let set = try labels.map { label -> JSONObject.Member in
        if let equals = label.firstIndex(of: "=") {
          return .init(key: String(label[..<equals]), value: .string(String(label[label.index(after: equals)...])))
        }
        guard label.hasSuffix("-") else { throw ValidationError("write key=value, or key- to take “\(label)” away") }
        return .init(key: String(label.dropLast()), value: .null)
      }
      var body: JSONObject = [
        "target": .string(image.reference.description), "set": .object(JSONObject(set)),
      ]
      if let reason { body.append("reason", .string(reason)) }
      let asked = JSONValue.object(body)
      try await remote.run { server in
        let answer = try await server.call(.put, "\(image.repository.apiPath)/labels", asked)
        remote.show(answer.array ?? [], LabelCommand.columns)
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show the facts and the labels of an image.")
    @Argument(help: "The image: acme/api:2.3, acme/api@sha256:….") var image: ImageName
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
      try await remote.run { server in
        let found = try await server.call(
          .get, "\(image.repository.apiPath)/images/\(pathPart(image.reference.description))")
        guard remote.output == .table else { return print(found.text) }
        var rows = (found["facts"]?.object?.members ?? []).filter { $0.key != "labels" && !$0.value.isNull }
          .map { LabelCommand.row("fact", $0.key, $0.value) }
        rows += (found["facts"]?["labels"]?.object?.members ?? []).map { LabelCommand.row("image", $0.key, $0.value) }
        rows += (found["labels"]?.array ?? []).map {
          LabelCommand.row($0["by"]?.string ?? "", $0["key"]?.string ?? "", $0["value"] ?? .null)
        }
        remote.show(rows, [("from", "from"), ("key", "key"), ("value", "value")])
      }
    }
  }

  struct History: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "history", abstract: "Show how the labels of an image were changed.")
    @Argument(help: "The image: acme/api:2.3, acme/api@sha256:….") var image: ImageName
    @Option(name: [.customShort("n"), .customLong("count")], help: "How many, at most 10000.") var count = RowCount(20)
    @OptionGroup var remote: RemoteOptions

    func run() async throws {
      try await remote.run { server in
        let target = PercentCoding.encoded(image.reference.description)
        remote.show(
          try await server.some(count, "\(image.repository.apiPath)/labels/history?target=\(target)"),
          [("at", "at"), ("key", "key"), ("from", "from"), ("to", "to"), ("by", "by"), ("reason", "reason")])
      }
    }
  }

  private static let columns = [("target", "target"), ("key", "key"), ("value", "value"), ("by", "by"), ("at", "at")]

  private static func row(_ from: String, _ key: String, _ value: JSONValue) -> JSONValue {
    ["from": .string(from), "key": .string(key), "value": value]
  }
}
