import ArgumentParser
import Glibc
import OCI
import Scanning

struct VersionOrderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version-order", abstract: "Compare versions: lines of two versions with a tab between them.",
    discussion: """
      printf '1.0~rc1\\t1.0\\n' | berth version-order Debian
      Prints <, =, > or invalid for each line.
      """)
  @Argument(help: "An ecosystem as OSV names it: Debian, Alpine, PyPI, npm, Maven, Go, …") var ecosystem: String

  func run() throws {
    guard let order = VersionOrder(ecosystem: String(ecosystem.prefix { $0 != ":" })) else {
      standardError("berth: the order of versions in \(ecosystem) is not known")
      throw ExitCode.failure
    }
    while let line = readLine() {
      let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
      let outcome = parts.count == 2 ? order.compare(String(parts[0]), String(parts[1])) : nil
      switch outcome {
      case .less: print("<")
      case .equal: print("=")
      case .greater: print(">")
      case nil: print("invalid")
      }
    }
  }
}

struct MatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "match", abstract: "Print which advisories find something in packages, without a server.",
    discussion: """
      echo '{"ecosystem":"Debian:11","name":"aide","version":"0.16-1"}' | berth match --advisories debian.jsonl.zst
      Each line is printed again with the names of advisories. Packages of distributions are named by their source.
      """)
  @Option(parsing: .upToNextOption, help: "Files or folders with records of OSV: .json, .jsonl, .jsonl.zst.")
  var advisories: [String]

  func run() throws {
    var index = AdvisoryIndex()
    var broken = 0
    do {
      for path in advisories {
        try RecordFiles.each(at: path) { bytes in
          do throws(ParseError) { index.add(try OSVReader.advisory(bytes)) } catch {
            broken += 1
            if broken <= 10 { standardError("berth: \(path): a record cannot be read: \(error.message)") }
          }
        }
      }
    } catch let failure as RecordFiles.Failure {
      standardError("berth: \(failure)")
      throw ExitCode.failure
    }
    if broken > 0 { standardError("berth: \(broken) records could not be read") }
    while let line = readLine() {
      guard !line.isEmpty else { continue }
      print(Self.answer(line, index).text)
    }
  }

  private static func answer(_ line: String, _ index: AdvisoryIndex) -> JSONValue {
    guard let value = try? JSONValue.parse(line), var object = value.object, let name = value["name"]?.string,
      let version = value["version"]?.string, let ecosystem = value["ecosystem"]?.string
    else { return ["error": "a line has ecosystem, name and version as texts", "advisories": []] }
    let known = Ecosystem(parsing: ecosystem)
    let found = index.advisories(for: known, name, version)
    object.append("advisories", .array(found.affected.map { .string($0) }))
    if !found.undecidable.isEmpty { object.append("undecidable", .array(found.undecidable.map { .string($0) })) }
    if VersionOrder(ecosystem: known.name) == nil {
      object.append("error", .string("the order of versions in \(known.name) is not known"))
    }
    return .object(object)
  }
}
