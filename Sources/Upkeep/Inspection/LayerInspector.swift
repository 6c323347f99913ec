public import BlobStorage
public import Scanning

/// What was read of a layer.
public struct InspectedLayer: Sendable {
  public let inventory: LayerInventory
  /// The list of its files, in packed parts.
  public let files: [[UInt8]]

  public init(inventory: LayerInventory, files: [[UInt8]]) {
    self.inventory = inventory
    self.files = files
  }
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

  /// One for layers that are read one after the other: what it takes to read is made once for them, and given back with it.
  func forSeveral() -> any LayerInspector
}

extension LayerInspector {
  public func forSeveral() -> any LayerInspector { self }
}
