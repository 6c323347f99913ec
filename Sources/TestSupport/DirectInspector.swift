public import BlobStorage
import NIOCore
import Scanning
public import Upkeep

/// Reads layers in this process: those of tests are their own.
public struct DirectInspector: LayerInspector {
  public init() {}

  public func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
    let bytes = try await layer.collect()
    do throws(LayerError) {
      return InspectedLayer(inventory: try LayerReader.read(MemorySource(Array(buffer: bytes))), files: [])
    } catch {
      throw InspectionFailure(error.description, isLasting: error.isLasting)
    }
  }
}
