import BlobStorage
import Ground
public import Logging
public import RegistryCore

/// Gives up uploads that nobody goes on with, and what an object store still holds of such.
public struct AbandonedUploads: Sendable {
  /// How many unfinished objects are looked at together: as many as a store lists at once.
  public static let pageLimit = 1000

  private let registry: Registry
  private let figures: ScrubFigures?
  private let logger: Logger

  public init(registry: Registry, figures: ScrubFigures? = nil, logger: Logger) {
    self.registry = registry
    self.figures = figures
    self.logger = logger
  }

  /// Discards uploads that were not heard of for as long as the settings allow, with the parts that a store holds of them.
  public func expire() async throws {
    for upload in try await registry.expiredUploads() where try await registry.discardExpiredUpload(upload) {
      logger.info("upload expired", metadata: ["upload": "\(upload)"])
    }
  }

  /// Gives up objects that were begun a day ago and that no upload names. A store keeps, and bills, the parts of those whose
  /// process died before it could record them, and of those that could not be given up when their upload was.
  public func giveUpUnfinished(pageLimit: Int = pageLimit) async throws {
    var marker: UnfinishedPage.Marker?
    // One that cannot be given up does not keep those behind it.
    var failure: (any Error)?
    repeat {
      let (count, next, failed) = try await registry.abandonUnfinished(after: marker, limit: pageLimit)
      figures?.unfinished.increment(by: count)
      if count > 0 { logger.info("objects that were never completed are given up", metadata: ["count": "\(count)"]) }
      failure = failed ?? failure
      marker = next
    } while marker != nil
    if let failure { throw failure }
  }
}
