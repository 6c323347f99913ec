import ArgumentParser
import OCI

struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "What differs between two images, artifacts or indexes.",
    discussion: "Lines begin with + for what is new, - for what is gone, ~ for what has changed.")

  @Argument(help: "The old one: acme/api:2.3 or acme/api@sha256:….") var from: String
  @Argument(help: "The new one.") var to: String
  @Option(help: "Which image of an index, such as linux/arm64.") var platform: String?
  @Flag(help: "Packages and what is wrong with them, in place of configuration and layers.") var contents = false
  @Flag(help: "Exit with 1 when they differ, with 2 when they cannot be compared.") var exitCode = false
  @OptionGroup var remote: RemoteOptions

  func run() async throws {
    var isSame = true
    do {
      try await remote.run { server in
        var path = "/api/v1/diff\(contents ? "/contents" : "")?from=\(pathPart(from))&to=\(pathPart(to))"
        if let platform { path += "&platform=\(pathPart(platform))" }
        let found = try await server.call(.get, path)
        if contents {
          let lines = Self.contentLines(found)
          isSame = lines.isEmpty
          remote.tell(isSame ? "They hold the same packages." : lines.joined(separator: "\n"), found)
        } else {
          isSame = found["same"]?.bool ?? false
          remote.tell(DifferenceText(found).lines.joined(separator: "\n"), found)
        }
      }
    } catch is ExitCode where exitCode {
      // As of `diff`: what cannot be compared is neither the same nor different.
      throw ExitCode.couldNotAsk
    }
    if exitCode && !isSame { throw ExitCode.failure }
  }
}

extension DiffCommand {
  /// Packages first, and then what is wrong with one of the two alone.
  private static func contentLines(_ found: JSONValue) -> [String] {
    func text(_ value: JSONValue, _ name: String) -> String { value[name]?.string ?? "" }
    func list(_ value: JSONValue?) -> String { (value?.array ?? []).compactMap(\.string).joined(separator: ", ") }
    var lines: [String] = []
    for (mark, name) in [("-", "removed"), ("+", "added")] {
      for package in found[name]?.array ?? [] {
        lines.append("\(mark) \(text(package, "type")) \(text(package, "name")) \(text(package, "version"))")
      }
    }
    for package in found["changed"]?.array ?? [] {
      lines.append(
        "~ \(text(package, "type")) \(text(package, "name")): \(list(package["from"])) → \(list(package["to"]))")
    }
    for (mark, name) in [("-", "fixed"), ("+", "introduced")] {
      for finding in found[name]?.array ?? [] {
        lines.append(
          "\(mark) \(text(finding, "severity")) \(text(finding, "vulnerability")) in \(text(finding, "package")) \(text(finding, "version"))"
        )
      }
    }
    return lines
  }
}

/// A difference for people to read.
struct DifferenceText {
  private(set) var lines: [String] = []

  init(_ found: JSONValue) {
    for (mark, side) in [("-", found["from"]), ("+", found["to"])] {
      let size = side?["sizeBytes"]?.integer ?? 0
      let facts = [Self.text(side?["platform"]), size > 0 ? sizeText(size) : "", Self.text(side?["digest"])]
      lines.append("\(mark) \(Self.text(side?["image"]))  " + facts.filter { !$0.isEmpty }.joined(separator: "  "))
    }
    guard found["same"]?.bool != true else {
      lines.append("They are the same.")
      return
    }
    addSections(of: found, indent: "")
    let entries = found["platforms"]
    for entry in entries?["added"]?.array ?? [] { lines.append("+ platform \(Self.entry(entry))") }
    for entry in entries?["removed"]?.array ?? [] { lines.append("- platform \(Self.entry(entry))") }
    for entry in entries?["changed"]?.array ?? [] {
      lines.append("~ platform \(Self.text(entry["platform"]))")
      if let problem = entry["problem"] { lines.append("  ! \(Self.text(problem))") }
      if let difference = entry["difference"] { addSections(of: difference, indent: "  ") }
    }
  }

  private mutating func addSections(of found: JSONValue, indent: String) {
    for problem in found["problems"]?.array ?? [] { lines.append("\(indent)! \(Self.text(problem))") }
    let types = ("mediaType", Self.text(found["from"]?["mediaType"]), Self.text(found["to"]?["mediaType"]))
    if types.1 != types.2 { lines.append("\(indent)~ \(types.0): \(types.1) → \(types.2)") }
    let configuration = found["configuration"]
    for change in configuration?["fields"]?.array ?? [] {
      let (old, new) = (Self.words(change["from"]), Self.words(change["to"]))
      lines.append("\(indent)~ \(Self.text(change["field"])): \(old) → \(new)")
    }
    addNamed("env", configuration?["environment"], indent)
    addNamed("label", configuration?["labels"], indent)
    addNamed("annotation", found["annotations"], indent)
    addMembers("port", configuration?["exposedPorts"], indent)
    addMembers("volume", configuration?["volumes"], indent)
    addLayers(found["layers"], indent)
    addMembers("history", found["history"], indent)
  }

  private mutating func addNamed(_ kind: String, _ found: JSONValue?, _ indent: String) {
    for (mark, list) in [("-", found?["removed"]), ("+", found?["added"])] {
      for entry in list?.array ?? [] {
        lines.append("\(indent)\(mark) \(kind) \(Self.text(entry["name"]))=\(Self.text(entry["value"]))")
      }
    }
    for entry in found?["changed"]?.array ?? [] {
      let change = "\(Self.text(entry["from"])) → \(Self.text(entry["to"]))"
      lines.append("\(indent)~ \(kind) \(Self.text(entry["name"])): \(change)")
    }
  }

  private mutating func addMembers(_ kind: String, _ found: JSONValue?, _ indent: String) {
    for (mark, list) in [("-", found?["removed"]), ("+", found?["added"])] {
      for entry in list?.array ?? [] { lines.append("\(indent)\(mark) \(kind) \(Self.text(entry))") }
    }
  }

  private mutating func addLayers(_ found: JSONValue?, _ indent: String) {
    func size(_ layer: JSONValue) -> Int64 { layer["sizeBytes"]?.integer ?? 0 }
    for (mark, list) in [("-", found?["removed"]), ("+", found?["added"])] {
      for layer in list?.array ?? [] {
        lines.append("\(indent)\(mark) layer \(Self.text(layer["digest"]))  \(sizeText(size(layer)))")
      }
    }
    if found?["reordered"]?.bool == true { lines.append("\(indent)~ layers: the shared ones stand in another order") }
    let shared = found?["shared"]?.array ?? []
    let pull = found?["pullBytes"]?.integer ?? 0
    guard pull > 0 || !shared.isEmpty else { return }
    let sum = shared.reduce(Int64(0)) { $0.addingReportingOverflow(size($1)).partialValue }
    lines.append(
      "\(indent)  \(shared.count) \(shared.count == 1 ? "layer" : "layers") shared, \(sizeText(sum)); to pull: \(sizeText(pull))"
    )
  }

  private static func entry(_ entry: JSONValue) -> String {
    "\(entry["platform"]?.string == nil ? "(none)" : text(entry["platform"]))  \(text(entry["digest"]))"
  }

  private static func words(_ value: JSONValue?) -> String {
    guard let words = value?.array else { return "(none)" }
    return words.count == 1 ? text(words[0]) : JSONValue.array(words).text
  }

  /// What images say is shown on a terminal: characters that would steer it are shown as what they are.
  private static func text(_ value: JSONValue?) -> String {
    var shown = ""
    for scalar in (value?.string ?? "").unicodeScalars {
      if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format {
        shown += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }
}
