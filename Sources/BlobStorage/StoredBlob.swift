public import Ground
public import OCI

/// A blob as its row tells of it.
public struct StoredBlob: Sendable, Hashable {
  public let digest: Digest
  public let sizeBytes: Int64
  /// The store's own name of the bytes; nil where they lie under their digest.
  ///
  /// Where it is not nil it is unlike that of every other publication, also of the same digest, and never used again.
  public let place: String?

  public init(digest: Digest, sizeBytes: Int64, place: String?) {
    self.digest = digest
    self.sizeBytes = sizeBytes
    self.place = place
  }
}

/// Bytes that a store holds, whether a row names them or not.
public struct ListedBlob: Sendable, Hashable {
  /// The store's name; ``BlobStore/list(after:limit:)`` goes on from it.
  public let name: String
  /// Nil where the name does not tell it.
  public let digest: Digest?
  /// As in ``StoredBlob``.
  public let place: String?
  public let sizeBytes: Int64
  /// When it was written; nil where that is not known, or its place tells it.
  public let writtenAt: Timestamp?

  public init(name: String, digest: Digest?, place: String?, sizeBytes: Int64, writtenAt: Timestamp? = nil) {
    self.name = name
    self.digest = digest
    self.place = place
    self.sizeBytes = sizeBytes
    self.writtenAt = writtenAt
  }
}

/// An object of which parts were sent and which was not completed.
public struct UnfinishedObject: Sendable, Hashable {
  /// As in ``StoredBlob``: it tells when it was begun.
  public let place: String
  /// The store's name of what was begun.
  public let upload: String

  public init(place: String, upload: String) {
    self.place = place
    self.upload = upload
  }
}

/// Some of the objects that were begun and not ended.
public struct UnfinishedPage: Sendable {
  /// Where the next page begins, in the store's own words.
  public struct Marker: Sendable, Hashable {
    public let key: String?
    public let upload: String?

    public init(key: String?, upload: String?) {
      self.key = key
      self.upload = upload
    }
  }

  public let objects: [UnfinishedObject]
  /// Nil: there are no more.
  public let next: Marker?

  public init(_ objects: [UnfinishedObject], next: Marker?) {
    self.objects = objects
    self.next = next
  }
}

extension StoredBlob {
  /// When a place was made, by the database's clock in microseconds since 1970: its last name begins with 16 hexadecimal
  /// digits that say so. Nil for any other name.
  public static func time(ofPlace place: String) -> Int64? {
    let name = place.split(separator: "/").last ?? ""
    guard name.utf8.count >= 16 else { return nil }
    return Int64(name.prefix(16), radix: 16)
  }
}
