import Access
import Ground
import Metadata
import OCI
import RegistryCore
import Scanning

// What is done to feeds of advisories: they are brought in, and taken away.
extension APIRoute {
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
    if let takenAt, !allowsOlder {
      do { try await routes.registry.refuseOlder(feed, takenAt: takenAt) } catch let refusal as AdvisoryImportRefusal {
        throw AdministrationError(.conflict, refusal.description)
      }
    }
    guard format == .osv else { return try await importOthers(format, feed, takenAt, routes, call) }
    do {
      let report = try await AdvisoryImport.run(
        routes.registry, feed: feed, kind: kind.rawValue, expecting: expected,
        isWhole: call.query.first("whole") == "true", takenAt: takenAt, allowsOlder: allowsOlder
      ) { work in
        var lines = RecordLines(limitBytes: format.recordLimitBytes)
        for try await chunk in call.request.body {
          for line in try lines.take(chunk) { try await work.add(try advisory(line)) }
        }
        if let line = lines.rest { try await work.add(try advisory(line)) }
      }
      return view(report)
    } catch let refusal as AdvisoryImportRefusal {
      throw AdministrationError(.conflict, refusal.description)
    }
  }

  private static func view(_ report: AdvisoryImportReport) -> JSONValue {
    let counts = [
      ("records", report.recordCount), ("changed", report.changedCount), ("removed", report.removedCount),
    ]
    return .object(JSONObject(counts.map { .init(key: $0, value: .integer(Int64($1))) } + members(report.findings)))
  }

  static let differenceFields: [APIField] = [
    .init("findingsNew", .integer, "Versions of packages newly affected.", isRequired: true),
    .init("findingsGone", .integer, "Not affected any more.", isRequired: true),
    .init("findingsChanged", .integer, "Affected otherwise.", isRequired: true),
  ]

  static func members(_ difference: FindingDifference) -> [JSONObject.Member] {
    [
      .init(key: "findingsNew", value: .integer(Int64(difference.newCount))),
      .init(key: "findingsGone", value: .integer(Int64(difference.goneCount))),
      .init(key: "findingsChanged", value: .integer(Int64(difference.changedCount))),
    ]
  }

  /// Formats whose files are small, or whose lines are: what they say is held until all of it came.
  private static func importOthers(
    _ format: AdvisoryFormat, _ feed: String, _ takenAt: Timestamp?, _ routes: RegistryRoutes, _ call: APICall
  ) async throws -> JSONValue {
    var items: [AdvisoryFormat.Item] = []
    func take(_ line: [UInt8]) throws {
      do throws(ParseError) {
        items += try line.withUnsafeBytes { bytes -> Result<[AdvisoryFormat.Item], ParseError> in
          do throws(ParseError) { return .success(try format.items(bytes)) } catch { return .failure(error) }
        }.get()
      } catch {
        throw AdministrationError(.invalid, "a record cannot be read: \(error.message)")
      }
      guard items.count <= itemLimit else {
        throw AdministrationError(.invalid, "it says more than \(itemLimit) things")
      }
    }
    var lines = RecordLines(limitBytes: format.recordLimitBytes)
    for try await chunk in call.request.body { for line in try lines.take(chunk) { try take(line) } }
    if let line = lines.rest { try take(line) }
    do {
      guard [.secdb, .debian, .csaf].contains(format) else {
        return view(try await routes.registry.importExploits(feed, format, items, takenAt: takenAt))
      }
      let said = items
      let report = try await AdvisoryImport.run(
        routes.registry, feed: feed, kind: format.rawValue, expecting: said.count,
        isWhole: call.query.first("whole") == "true", takenAt: takenAt, allowsOlder: call.query.first("older") == "true"
      ) { work in
        for case .advisory(let advisory) in said { try await work.add(advisory) }
      }
      return view(report)
    } catch let refusal as AdvisoryImportRefusal {
      throw AdministrationError(.conflict, refusal.description)
    }
  }

  private static let itemLimit = 2_000_000

  static func removeFeed(_ routes: RegistryRoutes, _ call: APICall) async throws -> JSONValue {
    let feed = call.value("feed")
    try await routes.access.administration.beginFeedRemoval(feed, by: call.caller)
    do {
      let report = try await routes.registry.removeFeed(feed)
      let counts: [JSONObject.Member] = [
        .init(key: "removed", value: .integer(Int64(report.removedCount))),
        .init(key: "configured", value: .bool(routes.settings.configuredFeeds.contains(feed))),
      ]
      return .object(JSONObject(counts + members(report.findings)))
    } catch let refusal as AdvisoryImportRefusal {
      throw AdministrationError(.conflict, refusal.description)
    }
  }

  private static func advisory(_ line: [UInt8]) throws -> Advisory {
    do throws(ParseError) {
      return try line.withUnsafeBytes { bytes -> Result<Advisory, ParseError> in
        do throws(ParseError) { return .success(try OSVReader.advisory(bytes)) } catch { return .failure(error) }
      }.get()
    } catch {
      throw AdministrationError(.invalid, "a record cannot be read: \(error.message)")
    }
  }
}
