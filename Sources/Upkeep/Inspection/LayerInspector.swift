public import BlobStorage
internal import NIOCore
public import Scanning

/// What was read of a layer.
public struct InspectedLayer: Sendable {
  public let inventory: LayerInventory
  /// The list of its files, in packed parts.
  public let files: [[UInt8]]
}

/// Why a layer was not read.
public struct InspectionFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public let reason: String
  /// The same bytes would come to the same end.
  public let isLasting: Bool

  public init(_ reason: String, isLasting: Bool) {
    self.reason = reason
    self.isLasting = isLasting
  }

  public var description: String { reason }
}

/// Reads layers.
public protocol LayerInspector: Sendable {
  /// - Throws: ``InspectionFailure``, `CancellationError`, or why the bytes of the blob could not be had.
  func inspect(_ layer: BlobBody) async throws -> InspectedLayer
}

/// Reads layers in this process: for tests, whose layers are their own.
public struct DirectInspector: LayerInspector {
  /// Of a layer: it is read into memory.
  static let sizeLimitBytes: Int64 = 64 << 20

  public init() {}

  public func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
    guard layer.sizeBytes <= Self.sizeLimitBytes else {
      throw InspectionFailure("it is too large for this process", isLasting: true)
    }
    let bytes = try await layer.collect()
    do throws(LayerError) {
      return InspectedLayer(inventory: try LayerReader.read(MemorySource(Array(buffer: bytes))), files: [])
    } catch {
      throw InspectionFailure(error.description, isLasting: error.isLasting)
    }
  }
}
