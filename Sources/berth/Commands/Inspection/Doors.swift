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
    guard let form = VersionForm(Ecosystem(parsing: ecosystem)) else {
      standardError("berth: the order of versions in \(ecosystem) is not known")
      throw ExitCode.failure
    }
    while let line = readLine() {
      let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
      let outcome = parts.count == 2 ? form.compare(String(parts[0]), String(parts[1])) : nil
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
      It exits with 2 when a file or a record of advisories cannot be read: what it would have found is not known.
      """)
  @Option(
    parsing: .upToNextOption,
    help: "Files or folders with records of OSV or documents of CSAF: .json, .jsonl.zst, .zip, .tar.zst.")
  var advisories: [String]
  @Option(help: "The components of this SBOM, CycloneDX or SPDX in JSON, in place of lines on standard input.")
  var sbom: String?

  func run() throws {
    var index = AdvisoryIndex()
    var broken = 0
    do {
      for path in advisories { broken += try Self.read(path, into: &index, told: broken) }
    } catch let failure as RecordFiles.Failure {
      standardError("berth: \(failure)")
      throw ExitCode.couldNotAsk
    }
    if broken > Self.toldLimit { standardError("berth: \(broken) records could not be read") }
    if let sbom {
      try Self.answer(sbom: sbom, index)
    } else {
      while let line = readLine() {
        guard !line.isEmpty else { continue }
        print(Self.answer(line, index).text)
      }
    }
    if broken > 0 { throw ExitCode.couldNotAsk }
  }

  /// How many records that cannot be read are told one by one.
  private static let toldLimit = 10

  /// Answers how many records of a file or folder cannot be read. Each is told with its place.
  private static func read(_ path: String, into index: inout AdvisoryIndex, told: Int) throws -> Int {
    let walk = try RecordWalk(at: path, limitBytes: AdvisoryFormat.csaf.recordLimitBytes)
    var broken = 0
    while try walk.next({ bytes in
      do throws(ParseError) { for advisory in try AdvisoryFormat.recognised(bytes) { index.add(advisory) } } catch {
        guard !AdvisoryFormat.isOther(bytes) else { return }
        broken += 1
        guard told + broken <= toldLimit else { return }
        standardError("berth: \(walk.place): a record cannot be read: \(error.message)")
      }
    }) {}
    return broken
  }

  /// A line for each component: with its name, version and package URL, and why none can be asked about it.
  private static func answer(sbom path: String, _ index: AdvisoryIndex) throws {
    var document: SBOMDocument?
    do {
      try RecordFiles.whole(at: path) { document = try SBOMReader.document($0) }
    } catch let failure as RecordFiles.Failure {
      standardError("berth: \(failure)")
      throw ExitCode.failure
    } catch let error as ParseError {
      standardError("berth: \(path): \(error.message)")
      throw ExitCode.failure
    }
    for component in document?.components ?? [] {
      var object: JSONObject = [
        "name": .string(component.name), "version": .string(component.version),
        "purl": component.purl.map { .string($0.description) } ?? .null,
      ]
      var affected: Set<String> = []
      var undecidable: Set<String> = []
      switch component.component.map({ AdvisorySubject.of($0, in: component.distribution) }) {
      case .success(let subjects):
        for subject in subjects {
          let found = index.advisories(for: subject)
          affected.formUnion(found.affected)
          undecidable.formUnion(found.undecidable)
        }
        if let first = subjects.first { object.append("ecosystem", .string(first.ecosystem.description)) }
      case .failure(let reason): object.append("error", .string(reason.text))
      case nil: object.append("error", "its package URL does not say what can be judged")
      }
      object.append("advisories", .array(affected.sorted().map { .string($0) }))
      if !undecidable.isEmpty { object.append("undecidable", .array(undecidable.sorted().map { .string($0) })) }
      print(JSONValue.object(object).text)
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
    if VersionOrder(known) == nil {
      object.append("error", .string("the order of versions in \(known.name) is not known"))
    }
    return .object(object)
  }
}
