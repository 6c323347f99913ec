import ArgumentParser
import Ground
import OCI
import Scanning

struct AdvisoriesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "advisories", abstract: "Advisories: where they come from, and what they change.",
    subcommands: [
      List.self, Import.self, Remove.self, Refresh.self, Changes.self, Key.self, Export.self, Verify.self, Push.self,
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Where advisories come from, and how old they are.")
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        remote.show(
          try await server.call(.get, "/api/v1/advisories").array ?? [],
          [
            ("feed", "name"), ("kind", "kind"), ("records", "records"), ("refreshed", "refreshedAt"),
            ("failure", "failure"),
          ])
      }
    }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import",
      abstract: "Bring advisories in from files, for a registry without internet.",
      discussion: """
        berth advisories import pypi all.zip --whole
        berth advisories import kev known_exploited_vulnerabilities.json --format kev
        berth advisories import epss epss_scores-2026-11-24.csv.gz --format epss
        berth advisories import advisories.tar --trust advisories.pub.pem      # a bundle of another registry
        Images are judged by them in the same moment.
        """)
    @Argument(help: "What the feed is called here; where no files follow, a bundle: a file, or oci://…") var feed:
      String
    @Argument(help: "Files or folders with records: .json, .jsonl, .zip, .tar; .zst and .gz of them.") var files:
      [String] = []
    @Option(help: "osv, secdb (Alpine, Wolfi), debian (its tracker), csaf (Red Hat, SUSE), kev, epss.") var format =
      AdvisoryFormatName.osv
    @Flag(help: "It is all of the feed: what is known of it and is not in the files is taken away.") var whole = false
    @Option(help: "Of a bundle: a file with the public key that signed it; any of several.")
    var trust: [String] = []
    @Flag(help: "Take a bundle that is older than what is there.") var allowOlder = false
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
      guard files.isEmpty else {
        guard trust.isEmpty, !allowOlder else { throw ValidationError("--trust and --allow-older go with a bundle") }
        return
      }
      guard !trust.isEmpty else {
        throw ValidationError(
          "name files with records, or with a bundle the public keys that are trusted: --trust FILE")
      }
      guard !whole else { throw ValidationError("--whole goes with files; the feeds of a bundle are whole") }
    }

    func run() async throws {
      guard !files.isEmpty else { return try await importBundle() }
      let records: StagedRecords
      do { records = try staged() } catch {
        guard error is RecordFiles.Failure || error is Spool.Failure else { throw error }
        standardError("berth: \(error)")
        throw ExitCode.failure
      }
      try await remote.run { server in
        let path =
          "/api/v1/advisories/\(PercentCoding.encoded(feed))?records=\(records.count)\(whole ? "&whole=true" : "")&format=\(format.rawValue)"
        let report = try await server.send(records.pieces, to: path, mediaType: "application/x-ndjson")
        func count(_ name: String) -> Int64 { report[name]?.integer ?? 0 }
        remote.tell(
          """
          \(counted(count("records"), "record")), \(count("changed")) of them new or changed, \(count("removed")) gone.
          Versions of packages here: \(count("findingsNew")) newly affected, \(count("findingsGone")) not any more, \
          \(count("findingsChanged")) otherwise than before.
          """, report)
      }
    }

    private func importBundle() async throws {
      try await remote.run { server in
        try await telling {
          let keys = try BundleKeys.trusted(trust)
          let outcomes = try await BundleSource.with(feed) { path in
            let bundle = try AdvisoryBundle.open(path, named: feed, keys)
            return try await BundleImport(server: server, bundle: bundle, allowsOlder: allowOlder).run()
          }
          try remote.show(outcomes)
        }
      }
    }

    /// Every record in one line. Nothing is sent unless all can be read.
    private func staged() throws -> StagedRecords {
      let records = try StagedRecords()
      for path in files {
        guard format.isJSON else {
          try RecordFiles.each(at: path) { try records.add($0) }
          continue
        }
        func take(_ bytes: UnsafeRawBufferPointer) throws {
          do {
            switch format {
            case .debian: try DebianTrackerReader.eachLine(bytes) { line, _ in try records.add(line) }
            case .csaf: if let line = try CSAFReader.line(bytes) { try records.add(line) }
            default:
              _ = try format.format.items(bytes)
              // A document may have line ends in it; a line has none, and is sent as it is.
              if bytes.contains(UInt8(ascii: "\n")) {
                try records.add(try JSONValue.parse(bytes, depthLimit: 64).bytes)
              } else {
                try records.add(bytes)
              }
            }
          } catch let error as ParseError {
            throw RecordFiles.Failure(description: "\(path): record \(records.count + 1): \(error.message)")
          }
        }
        switch format {
        case .debian: try RecordFiles.whole(at: path, limitBytes: DebianTrackerReader.limitBytes, take)
        case .kev where !path.contains(".jsonl"): try RecordFiles.whole(at: path, take)
        default: try RecordFiles.each(at: path, limitBytes: format.format.recordLimitBytes, take)
        }
      }
      return records
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove",
      abstract: "Take a feed away, with all that it has brought in and what that found.",
      discussion: """
        For feeds that have another name now, or are no longer in inspection.feeds. Probabilities of EPSS stay while another
        feed tells them too.
        """)
    @Argument(help: "The feed.") var feed: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        let report = try await server.call(
          .delete, "/api/v1/advisories/\(PercentCoding.encoded(feed))", timeout: RemoteServer.importTimeout)
        func count(_ name: String) -> Int64 { report[name]?.integer ?? 0 }
        remote.tell(
          """
          Took \(feed) away: \(counted(count("removed"), "record")). \
          \(counted(count("findingsGone"), "finding")) of versions of packages went with it.
          """, report)
        guard report["configured"]?.bool == true else { return }
        standardError("berth: \(feed) stands in inspection.feeds: the next refresh brings it back")
      }
    }
  }

  struct Refresh: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "refresh", abstract: "Have a configured feed looked at now.")
    @Argument(help: "The feed.") var feed: String
    @OptionGroup var remote: RemoteOptions
    func run() async throws {
      try await remote.run { server in
        try await server.call(.post, "/api/v1/advisories/\(PercentCoding.encoded(feed))/refresh")
        remote.tell("\(feed) is looked at within half a minute: berth advisories list")
      }
    }
  }

  struct Changes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "changes",
      abstract: "What advisories have changed in what is wrong with images, the newest first.")
    @Option(help: "Only what concerns images of this namespace; without it everything, for site admins and auditors.")
    var namespace: String?
    @Option(help: "Not before this time, or not longer ago: 2026-11-24T00:00:00Z, 12h, 1d, 2w.") var since: Moment?
    @Option(name: [.customShort("n"), .customLong("count")], help: "How many, at most 10000.") var count = RowCount(50)
    @Flag(
      help: "A line for each image that holds the package now, with its tags and where it runs; at most 20 for each.")
    var images = false
    @OptionGroup var remote: RemoteOptions

    /// A row for each image of a change; JSON has them in it anyway.
    static func rows(_ changes: [JSONValue]) -> [JSONValue] {
      changes.flatMap { change -> [JSONValue] in
        let images = change["imageList"]?.array ?? []
        guard !images.isEmpty else { return [change] }
        return images.map { image in
          let kept = (change.object?.members ?? []).filter { $0.key != "environments" }
          let place = "\(image["repository"]?.string ?? "")@\(image["digest"]?.string?.prefix(19) ?? "")"
          var row = JSONObject(kept)
          row.append("image", .string(place))
          row.append("tags", image["tags"] ?? [])
          row.append("environments", image["environments"] ?? [])
          return .object(row)
        }
      }
    }

    func run() async throws {
      try await remote.run { server in
        let query = since.map { "?since=\(PercentCoding.encoded($0.text))" } ?? ""
        let path = namespace.map { "namespaces/\(PercentCoding.encoded($0))/findings/changes" } ?? "advisories/changes"
        let changes = try await server.some(count, "/api/v1/\(path)\(query)")
        let isOfImages = images && remote.output == .table
        let concerned =
          isOfImages
          ? [("image", "image"), ("tags", "tags"), ("environments", "environments")]
          : namespace == nil
            ? [("images", "images"), ("environments", "environments")] : [("repositories", "repositories")]
        remote.show(
          isOfImages ? Self.rows(changes) : changes,
          [
            ("at", "at"), ("change", "kind"), ("severity", "severity"), ("advisory", "advisory"),
            ("package", "package"), ("version", "version"), ("what", "change"),
          ] + concerned)
      }
    }
  }
}

struct AffectedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "affected", abstract: "Which images have a vulnerability or hold a package, and where they run.",
    discussion: """
      berth affected CVE-2024-3094
      berth affected --package xz-utils --below 5.6.2
      """)
  @Argument(help: "Any name of a vulnerability.") var vulnerability: String?
  @Option(help: "In place of a vulnerability, the name of a package or of its source.") var package: String?
  @Option(help: "Only versions of the package before this one.") var below: String?
  @OptionGroup var remote: RemoteOptions

  func validate() throws {
    guard (vulnerability == nil) != (package == nil) else {
      throw ValidationError("name a vulnerability or a --package")
    }
    guard below == nil || package != nil else { throw ValidationError("--below goes with --package") }
  }

  func run() async throws {
    try await remote.run { server in
      let path: String
      if let vulnerability {
        path = "/api/v1/vulnerabilities/\(PercentCoding.encoded(vulnerability))/images"
      } else {
        let query = below.map { "&below=\(PercentCoding.encoded($0))" } ?? ""
        path = "/api/v1/packages/images?package=\(PercentCoding.encoded(package ?? ""))\(query)"
      }
      let found = try await server.all(path)
      if found.isEmpty {
        standardError(
          "berth: no image that you may pull \(package.map { "holds a package \($0)" } ?? "has it")\(below.map { " below \($0)" } ?? "")"
        )
      }
      remote.show(
        remote.output == .table ? found.map(Self.named) : found,
        [
          ("repository", "repository"), ("digest", "digest"), ("tags", "tags"), ("environments", "environments"),
          ("because of", "packages"),
        ])
    }
  }

  /// Packages as people write them.
  static func named(_ image: JSONValue) -> JSONValue {
    guard let object = image.object else { return image }
    let packages = (image["packages"]?.array ?? []).map { package -> JSONValue in
      .string("\(package["package"]?.string ?? "") \(package["version"]?.string ?? "")")
    }
    return .object(
      JSONObject(object.members.map { $0.key == "packages" ? .init(key: $0.key, value: .array(packages)) : $0 }))
  }
}

/// A format of advisories on the command line.
enum AdvisoryFormatName: String, ExpressibleByArgument, CaseIterable {
  case osv, secdb, debian, csaf, kev, epss

  var format: AdvisoryFormat {
    switch self {
    case .osv: .osv
    case .secdb: .secdb
    case .debian: .debian
    case .csaf: .csaf
    case .kev: .kev
    case .epss: .epss
    }
  }

  var isJSON: Bool { self != .epss }
}
