internal import Access
public import BlobStorage
public import Ground
public import Logging
public import Metadata
internal import OCI
import Synchronization

/// The registry: blobs in a store, everything else in a database, and the orders that keep the two in agreement.
///
/// Its methods may block their thread: call them in a task that prefers a ``WorkerPool``. Those named `…AtHand` answer from
/// memory only and are safe on an event loop.
public final class Registry: Sendable {
  /// What an operator may choose.
  public struct Settings: Sendable {
    /// How long a blob that no manifest names is kept for a client that pushed it or was told that it is here.
    public var lease: Duration = .seconds(24 * 3600)
    public var acceptsSparseManifests = false
    /// Nil: as large as the disk allows.
    public var blobLimitBytes: Int64?
    public var manifestLimitBytes = Manifest.sizeLimitBytes
    public var uploadsExpireAfter: Duration = .seconds(24 * 3600)
    /// How many uploads may hold bytes at the same time.
    public var uploadLimit = 10_000
    public var manifestCacheBytes = 32 << 20
    public var blobCacheBytes = 16 << 20

    public init() {}
  }

  /// How long a blob stays after its last manifest was deleted, for a client that is about to use it again.
  static let unreferencedLease: Duration = .seconds(15 * 60)
  /// Uploads that ended and are still remembered, so that they are unknown from then on.
  static let endedUploadLimit = 16_384
  /// A secret that every registry has from its first start, and no two share.
  public static let identityKeepsake = "upload-key"

  public let database: any Database
  public let store: any BlobStore
  private let liveSettings: Live<Settings>
  let caches: RegistryCaches
  let gate = DigestGate()
  let pulls = PullNotes()
  let policies = PolicyMemory()
  let setAsides = Atomic<Int>(0)
  /// Rings after each push of a manifest.
  public let pushes = Bell()
  let time: any TimeSource
  let random: any RandomSource
  let uploadKey: [UInt8]
  let logger: Logger
  /// When an upload was last heard of, for those that this process has seen; nil once it has ended.
  let openUploads = Mutex<[UploadID: Timestamp]>([:])
  let endedUploads = BoundedCache<UploadID, Bool>(costLimit: endedUploadLimit)

  /// See ``requireWrites()``; nil: not asked yet.
  let writes = Mutex<WritesAnswer?>(nil)

  /// Uploads are rows of the database, which any replica can go on with; else they are files of this process.
  let uploadsAreRows: Bool

  /// Opens the registry, and finishes removals that a crash cut short before anybody can read or push.
  ///
  /// - Parameter uploadsAreRows: the store records its uploads in the database, by a ``DatabaseUploadLedger``.
  public init(
    database: any Database, store: any BlobStore, uploadsAreRows: Bool = false, settings: Settings = Settings(),
    time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(), logger: Logger
  ) async throws {
    self.database = database
    self.store = store
    liveSettings = Live(settings)
    self.uploadsAreRows = uploadsAreRows
    self.time = time
    self.random = random
    self.logger = logger
    caches = RegistryCaches(manifestBytes: settings.manifestCacheBytes, blobBytes: settings.blobCacheBytes)
    let fresh = (0..<4).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
    if let known = try await database.read({ try $0.keepsake(Self.identityKeepsake) }) {
      uploadKey = known
    } else {
      uploadKey = try await database.write { try $0.keepsake(Self.identityKeepsake, makingWith: fresh) }
    }
    // When they were last touched is not known; what an upload that is going on needs is time.
    if !uploadsAreRows {
      for upload in try await store.uploads() { openUploads.withLock { $0[upload] = database.now } }
    }
    try await finishInterruptedRemovals()
  }

  /// What is in force. Setting it takes effect with the next call; the sizes of caches stay as they were at the start.
  public var settings: Settings {
    get { liveSettings.value }
    set { liveSettings.value = newValue }
  }

  /// Blobs up to this size, when they arrive whole, are best held in memory and stored by ``putBlob(_:as:permit:)``.
  public var wholeBlobLimitBytes: Int { store.wholeBlobLimitBytes }

  /// Blobs that this process found damaged or missing, and set aside: a reader, a check or the scrub came upon them.
  public var blobsSetAside: Int { setAsides.load(ordering: .relaxed) }

  /// The shorter of the lease and the time that a blob stays after its last manifest went.
  var unreferencedLease: Duration { min(settings.lease, Self.unreferencedLease) }
}
