import Glibc
internal import Ground
internal import NIOCore
internal import OCI
import Synchronization

/// Blobs as files of one directory, `<algorithm>-<hex>`, those used last within a bound of bytes.
final class DiskCache: Sendable {
  private static let fillingPrefix = "filling-"

  private let disk = LocalDisk()
  private let directory: String
  private let limitBytes: Int
  private let files: BoundedCache<Digest, CachedFile>
  private let filling = Mutex<Set<Digest>>([])
  private let numbers = Atomic<Int>(0)
  private let hits = Atomic<Int>(0)
  private let misses = Atomic<Int>(0)

  init(directory: String, limitBytes: Int) throws {
    self.directory = directory
    self.limitBytes = limitBytes
    files = BoundedCache(costLimit: limitBytes)
    _ = try disk.makeDirectory(directory)
    for name in try disk.list(directory) {
      let path = "\(directory)/\(name)"
      if let digest = Self.digest(of: name), let size = try? disk.open(path, .read).size() {
        keep(digest, path, Int(size))
      } else if name.hasPrefix(Self.fillingPrefix) {
        try disk.unlink(path)
      }
    }
  }

  var figures: (sizeBytes: Int, hits: Int, misses: Int) {
    (files.totalCost, hits.load(ordering: .relaxed), misses.load(ordering: .relaxed))
  }

  /// The cached file of a blob. Once open it can be read to its end, also when the cache drops it.
  func open(_ blob: StoredBlob) -> BlobFile? {
    guard let kept = files.value(for: blob.digest), let file = try? disk.open(kept.path, .read),
      (try? file.size()) == blob.sizeBytes
    else {
      misses.wrappingAdd(1, ordering: .relaxed)
      return nil
    }
    hits.wrappingAdd(1, ordering: .relaxed)
    return BlobFile(digest: blob.digest, sizeBytes: blob.sizeBytes, file: file)
  }

  func forget(_ digest: Digest) { files.remove(digest) }

  /// Nil when the blob is too large to be kept, is being written by another reader, or the disk refuses.
  func beginFilling(_ blob: StoredBlob) -> Filling? {
    guard blob.sizeBytes > 0, blob.sizeBytes <= limitBytes / 4 else { return nil }
    guard filling.withLock({ $0.insert(blob.digest).inserted }) else { return nil }
    let number = numbers.wrappingAdd(1, ordering: .relaxed).newValue
    let path = "\(directory)/\(Self.fillingPrefix)\(number)"
    guard let file = try? disk.open(path, .create) else {
      endFilling(blob.digest)
      return nil
    }
    return Filling(cache: self, blob: blob, file: file, path: path)
  }

  private func endFilling(_ digest: Digest) { filling.withLock { _ = $0.remove(digest) } }

  private func keep(_ digest: Digest, _ path: String, _ sizeBytes: Int) {
    files.insert(CachedFile(path: path), for: digest, cost: sizeBytes)
  }

  private static func digest(of name: String) -> Digest? {
    guard let dash = name.firstIndex(of: "-") else { return nil }
    return try? Digest(parsing: name[..<dash] + ":" + name[name.index(after: dash)...])
  }

  /// A file that goes when the cache lets go of it. The end of the process leaves it for the next.
  private final class CachedFile: Sendable {
    let path: String
    init(path: String) { self.path = path }
    deinit { Glibc.unlink(path) }
  }

  /// A blob that is being written to the cache while a client reads it. Nothing of it is kept unless it came whole and has
  /// its digest; a failure costs the client nothing.
  final class Filling: Sendable {
    private struct State {
      var file: (any DiskFile)?
      var offset: Int64 = 0
      var hasher: ContentHasher
    }

    private let cache: DiskCache
    private let blob: StoredBlob
    private let path: String
    private let state: Mutex<State>

    init(cache: DiskCache, blob: StoredBlob, file: any DiskFile, path: String) {
      self.cache = cache
      self.blob = blob
      self.path = path
      state = Mutex(State(file: file, hasher: ContentHasher(blob.digest.algorithm)))
    }

    func append(_ chunk: ByteBuffer) {
      state.withLock { state in
        guard let file = state.file else { return }
        state.hasher.update(chunk)
        do {
          try chunk.withUnsafeReadableBytes { try file.write($0, at: state.offset) }
          state.offset += Int64(chunk.readableBytes)
        } catch {
          state.file = nil  // A full disk makes the cache useless, not the download.
        }
      }
    }

    /// All chunks came.
    func end() {
      let isWhole = state.withLock { state in
        defer { state.file = nil }
        return state.file != nil && state.offset == blob.sizeBytes && state.hasher.digest() == blob.digest
      }
      guard isWhole else { return }
      let target = "\(cache.directory)/\(blob.digest.algorithm.rawValue)-\(blob.digest.hex)"
      guard (try? cache.disk.rename(path, to: target)) != nil else { return }
      cache.keep(blob.digest, target, Int(blob.sizeBytes))
    }

    deinit {
      Glibc.unlink(path)
      cache.endFilling(blob.digest)
    }
  }
}
