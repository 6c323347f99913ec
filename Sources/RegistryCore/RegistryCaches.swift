internal import Ground
internal import Metadata
public import NIOCore
public import OCI

/// A manifest that is ready to be sent.
public struct CachedManifest: Sendable {
  public let digest: Digest
  public let mediaType: MediaType
  public let body: ByteBuffer
  /// Whose pull it is to answer with this: another one where it was put together out of what is stored.
  public let source: Digest

  init(_ stored: StoredManifest, madeOf source: Digest? = nil) {
    digest = stored.digest
    self.source = source ?? stored.digest
    mediaType = stored.mediaType
    body = ByteBuffer(bytes: stored.bytes)
  }
}

struct ManifestKey: Hashable, Sendable {
  let repository: RepositoryName
  let digest: Digest
}

struct TagKey: Hashable, Sendable {
  let repository: RepositoryName
  let tag: Tag
}

struct LinkKey: Hashable, Sendable {
  let repository: RepositoryName
  let digest: Digest
}

/// What this process remembers of the database. Each entry is forgotten after the commit that made it stale and before that
/// commit is answered, so that what was deleted is gone at once.
struct RegistryCaches: Sendable {
  /// Entries, each of some hundred bytes.
  static let entryLimit = 65_536
  /// What an entry costs beyond its bytes.
  static let manifestOverheadBytes = 256

  let manifests: BoundedCache<ManifestKey, CachedManifest>
  /// Lists of referrers that were put together: who has resolved such a tag to a digest asks for that next. Content under a digest
  /// cannot go stale. What is not here is put together again, by the tag that was noted for it.
  let lists = BoundedCache<ManifestKey, CachedManifest>(costLimit: 2 * Manifest.sizeLimitBytes)
  let tags = BoundedCache<TagKey, Digest>(costLimit: entryLimit)
  let links = BoundedCache<LinkKey, LinkedBlob>(costLimit: entryLimit)
  /// Bytes of small blobs; content-addressed, so only removal and damage can make them stale.
  let smallBlobs: BoundedCache<Digest, ByteBuffer>

  init(manifestBytes: Int, blobBytes: Int) {
    manifests = BoundedCache(costLimit: manifestBytes)
    smallBlobs = BoundedCache(costLimit: blobBytes)
  }

  func keep(_ manifest: CachedManifest, in repository: RepositoryName, since generation: Int) {
    manifests.insert(
      manifest, for: ManifestKey(repository: repository, digest: manifest.digest),
      cost: manifest.body.readableBytes + Self.manifestOverheadBytes, since: generation)
  }

  func keep(list: CachedManifest, in repository: RepositoryName) {
    lists.insert(
      list, for: ManifestKey(repository: repository, digest: list.digest),
      cost: list.body.readableBytes + Self.manifestOverheadBytes)
  }

  func forget(_ deleted: DeletedManifest, _ digest: Digest, in repository: RepositoryName) {
    for tag in deleted.tags { tags.remove(TagKey(repository: repository, tag: tag)) }
    manifests.remove(ManifestKey(repository: repository, digest: digest))
    for blob in deleted.blobs { links.remove(LinkKey(repository: repository, digest: blob)) }
  }

  func forgetBlobEverywhere(_ digest: Digest) {
    links.removeAll()
    smallBlobs.remove(digest)
  }
}
