internal import Ground
internal import Metadata
internal import RegistryCore
internal import Synchronization

/// How old each feed of advisories is, and how often this process could not refresh it.
final class FeedFigures: Sendable {
  private let taken = Mutex<[String: Timestamp]>([:])
  private let failures = Mutex<[String: Int]>([:])

  /// How often the ages are asked for anew; between, they grow by themselves.
  static let interval: Duration = .seconds(30)

  private let registry: Registry

  init(_ metrics: Metrics, _ registry: Registry) {
    self.registry = registry
    metrics.gauges("berth_feed_age_seconds", "Since a feed of advisories was taken from its source.") { [self] in
      let now = registry.database.now
      return taken.withLock { $0 }.sorted { $0.key < $1.key }.map { name, moment in
        (Self.label(name), max(0, Double((now - moment).wholeMicroseconds) / 1e6))
      }
    }
    metrics.countings("berth_feed_failures_total", "Times that a feed of advisories could not be refreshed.") {
      [self] in failures.withLock { $0 }.sorted { $0.key < $1.key }.map { (Self.label($0.key), Double($0.value)) }
    }
  }

  /// - Parameter configured: feeds that are to be told of before they fail for the first time.
  func look(configured: [String]) async throws {
    let feeds = try await registry.advisoryFeeds()
    let moments = Dictionary(feeds.compactMap { row in row.refreshedAt.map { (row.name, $0) } }) { first, _ in first }
    taken.withLock { $0 = moments }
    failures.withLock { failures in for name in configured { failures[name, default: 0] += 0 } }
  }

  func noteFailure(of feed: String) { failures.withLock { $0[feed, default: 0] += 1 } }

  /// Source: Prometheus text format 0.0.4, "Comments, help text, and type information".
  private static func label(_ name: String) -> String {
    var text = ""
    for character in name {
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.append(character)
      }
    }
    return "feed=\"\(text)\""
  }
}
