public import Ground
import OCI

/// Reads the files of a data directory that another process may be serving.
///
/// A small blob that was just pushed may still wait in that process's journal; its file comes within seconds.
public struct LocalBlobFiles: Sendable {
  private static let patience: Duration = .seconds(30)
  private static let rest: Duration = .milliseconds(200)

  private let layout: BlobLayout
  private let time: any TimeSource

  public init(directory: String, time: any TimeSource = SystemTime()) {
    layout = BlobLayout(root: directory)
    self.time = time
  }

  /// - Throws: ``StorageError/blobUnknown(_:)`` when the file does not come.
  public func open(_ blob: StoredBlob) async throws -> BlobBody {
    let start = time.monotonicNanoseconds
    while true {
      if let file = try? LocalDisk().open(layout.blob(blob.digest), .read) {
        return .file(BlobFile(digest: blob.digest, sizeBytes: try file.size(), file: file))
      }
      guard time.monotonicNanoseconds - start < Self.patience.wholeMicroseconds * 1000 else {
        throw StorageError.blobUnknown(blob.digest)
      }
      try await time.sleep(for: Self.rest)
    }
  }
}
