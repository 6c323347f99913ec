import Access
import Ground
import NIOCore
import OCI
import RegistryCore
import Scanning

// Advisories that somebody sends.
extension APIRoute {
  /// Of a body. A bundle of all feeds there are has about one.
  private static let bodyLimitBytes: Int64 = 64 << 30
  /// Entries of KEV and EPSS, which are held until all of them came: there are some 300,000 names of vulnerabilities.
  private static let entryLimit = 2_000_000

  /// Nothing is used of a body that breaks off, or of which a record cannot be read.
  static func importAdvisories(_ routes: RegistryRoutes, _ call: APICall) async throws -> JSONValue {
    let feed = call.value("feed")
    guard let expected = call.query.first("records").flatMap({ Int($0) }), expected >= 0 else {
      throw AdministrationError(.invalid, "say how many records come: records=100")
    }
    let word = call.query.first("format") ?? AdvisoryFormat.osv.rawValue
    guard let format = AdvisoryFormat(rawValue: word) else {
      throw AdministrationError(
        .invalid, "“format” is one of \(AdvisoryFormat.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let kind = AdvisoryFormat(rawValue: call.query.first("kind") ?? format.rawValue),
      kind.bundled == format.bundled
    else { throw AdministrationError(.invalid, "“kind” is what the records were read from, such as debian") }
    let takenAt = try call.moment("taken")
    try await routes.access.administration.beginAdvisoryImport(feed, by: call.caller)
    let allowsOlder = call.query.first("older") == "true"
    do {
      if let takenAt, !allowsOlder { try await routes.registry.refuseOlder(feed, takenAt: takenAt) }
      let body = try await staged(call.request.body, in: routes.settings.stagingFolder)
      guard ![.kev, .epss].contains(format) else {
        let entries = try entries(body, format)
        return view(try await routes.registry.importExploits(feed, format, entries, takenAt: takenAt))
      }
      let staged = try StagedAdvisories(in: routes.settings.stagingFolder)
      let lineCount = try read(body, format) { for case .advisory(let advisory) in $0 { try staged.add(advisory) } }
      guard format != .osv || lineCount == expected else {
        throw AdministrationError(
          .conflict, "\(lineCount) records came and \(expected) were told of: nothing was changed")
      }
      let report = try await AdvisoryImport.run(
        routes.registry, feed: feed, kind: kind.rawValue, staged, isWhole: call.query.first("whole") == "true",
        takenAt: takenAt, allowsOlder: allowsOlder)
      return view(report)
    } catch let refusal as AdvisoryImportRefusal {
      throw AdministrationError(.conflict, refusal.description)
    }
  }

  private static func staged(_ body: RequestBody, in folder: String?) async throws -> Spool {
    let spool = try Spool(in: folder)
    for try await chunk in body {
      guard spool.sizeBytes + Int64(chunk.readableBytes) <= bodyLimitBytes else {
        throw AdministrationError(.invalid, "a feed has at most \(bodyLimitBytes) bytes")
      }
      try chunk.withUnsafeReadableBytes { try spool.append($0) }
    }
    return spool
  }

  /// What a body of a format that is no advisories says.
  private static func entries(_ body: Spool, _ format: AdvisoryFormat) throws -> [AdvisoryFormat.Item] {
    var entries: [AdvisoryFormat.Item] = []
    try read(body, format) { items in
      entries += items
      guard entries.count <= entryLimit else {
        throw AdministrationError(.invalid, "it says more than \(entryLimit) things")
      }
    }
    return entries
  }

  /// Reads all of a body once, line by line. Answers how many there are.
  @discardableResult
  private static func read(
    _ body: Spool, _ format: AdvisoryFormat, _ take: ([AdvisoryFormat.Item]) throws -> Void
  ) throws -> Int {
    var lineCount = 0
    do {
      var lines = body.lines(limitBytes: format.recordLimitBytes)
      while let items = try lines.next({ try format.items($0) }) {
        lineCount += 1
        try take(items)
      }
    } catch let error as ParseError {
      throw AdministrationError(.invalid, "record \(lineCount + 1) cannot be read: \(error.message)")
    } catch let failure as Spool.Failure {
      guard case .line = failure else { throw failure }
      throw AdministrationError(.invalid, "\(failure)")
    }
    return lineCount
  }

  private static func view(_ report: AdvisoryImportReport) -> JSONValue {
    let counts = [
      ("records", report.recordCount), ("changed", report.changedCount), ("removed", report.removedCount),
    ]
    return .object(JSONObject(counts.map { .init(key: $0, value: .integer(Int64($1))) } + members(report.findings)))
  }
}
