import Access
import Ground
import NIOCore
import OCI
import Scanning

extension AdvisoryBundle {
  /// Opens a bundle that one of some keys has signed.
  ///
  /// - Parameter name: what the person who is told of it has called it.
  static func open(_ path: String, named name: String, _ keys: [PublicKey]) throws -> AdvisoryBundle {
    do {
      return try AdvisoryBundle(at: path) { message, signature in keys.contains { $0.signed(message, signature) } }
    } catch {
      throw BundleFailure("\(name) is refused: \(error)")
    }
  }
}

/// Brings a bundle into a server, over its API.
struct BundleImport {
  let server: RemoteServer
  let bundle: AdvisoryBundle
  let allowsOlder: Bool

  /// How a feed went: what the server reports, or why it was refused.
  typealias Outcome = (feed: BundleManifest.Feed, report: JSONValue, refusal: String?)

  private static let conflict = 409

  /// - Throws: when any feed is older than what the server has; nothing was sent then.
  func run() async throws -> [Outcome] {
    if !allowsOlder { try await refuseOlder() }
    // Before anything of it is sent, all of it is read once.
    for feed in bundle.manifest.feeds { try bundle.check(feed) }
    var outcomes: [Outcome] = []
    for feed in bundle.manifest.feeds {
      do {
        let report = try await server.send(
          BundleLines(bundle: bundle, feed: feed), to: path(of: feed), mediaType: "application/x-ndjson")
        outcomes.append((feed, report, nil))
      } catch let failure as RemoteServer.Failure where failure.status == Self.conflict {
        outcomes.append((feed, .null, failure.description))
      }
    }
    return outcomes
  }

  private func path(of feed: BundleManifest.Feed) -> String {
    let query = [
      "records=\(feed.recordCount)", "whole=true", "format=\(feed.form.rawValue)", "kind=\(feed.kind.rawValue)",
      "taken=\(pathPart(feed.refreshedAt))", allowsOlder ? "older=true" : nil,
    ]
    return "/api/v1/advisories/\(pathPart(feed.name))?" + query.compactMap { $0 }.joined(separator: "&")
  }

  private func refuseOlder() async throws {
    let known = try await server.call(.get, "/api/v1/advisories").array ?? []
    var older: [String] = []
    for feed in bundle.manifest.feeds {
      guard let there = known.first(where: { $0["name"]?.string == feed.name })?["refreshedAt"]?.string,
        let knownAt = Timestamp(parsing: there), let takenAt = Timestamp(parsing: feed.refreshedAt), takenAt < knownAt
      else { continue }
      older.append("\n  \(feed.name) is of \(feed.refreshedAt), and what is there of it is of \(there)")
    }
    guard older.isEmpty else {
      throw BundleFailure(
        "the bundle is refused: it is older than what is there (--allow-older takes it):\(older.joined())")
    }
  }
}

/// The records of a feed as a body, unpacked while they are sent.
struct BundleLines: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  let bundle: AdvisoryBundle
  let feed: BundleManifest.Feed

  /// Of one piece; a record may be larger.
  private static let pieceBytes = 256 << 10

  struct AsyncIterator: AsyncIteratorProtocol {
    let bundle: AdvisoryBundle
    let feed: BundleManifest.Feed
    var walk: RecordWalk?
    var hasEnded = false

    mutating func next() async throws -> ByteBuffer? {
      guard !hasEnded else { return nil }
      let walk = try self.walk ?? bundle.records(of: feed)
      self.walk = walk
      var piece = ByteBuffer()
      while piece.readableBytes < BundleLines.pieceBytes {
        let isThere = try walk.next { record in
          piece.writeBytes(record)
          piece.writeInteger(UInt8(ascii: "\n"))
        }
        guard isThere else {
          hasEnded = true
          break
        }
      }
      return piece.readableBytes > 0 ? piece : nil
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bundle: bundle, feed: feed) }
}
