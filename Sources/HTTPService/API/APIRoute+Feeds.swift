import Access
import Metadata
import OCI
import RegistryCore

// Feeds of advisories that are taken away, and what importing and removing answer alike.
extension APIRoute {
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

  static func refreshFeed(_ routes: RegistryRoutes, _ call: APICall) async throws {
    let feed = call.value("feed")
    try await routes.access.administration.beginFeedRefresh(
      feed, isConfigured: routes.settings.configuredFeeds.contains(feed), by: call.caller)
    // One that was never looked at is due anyway.
    _ = try await routes.registry.requestRefresh(of: feed)
  }

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
}
