public import OCI

/// Why a file is no bundle of advisories that can be trusted, or cannot be made one.
public struct BundleError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// What a bundle of advisories has: the one document in it that is signed.
///
/// Source: docs/inspection.md, "A bundle for machines without internet".
public struct BundleManifest: Sendable, Hashable {
  /// Of a bundle as an artifact, and what its manifest calls its own form.
  public static let artifactType = "application/vnd.berth.advisories.v1"
  /// Of the file.
  public static let layerType = "application/vnd.berth.advisories.v1.tar"
  /// Of the document. A feed needs some three hundred bytes.
  public static let limitBytes = 1 << 20
  public static let feedLimit = 1000
  /// Of the records of one feed, packed: what the header of an archive can tell.
  public static let memberLimitBytes: Int64 = (8 << 30) - 1
  static let recordLimit = 100_000_000

  /// A feed, and the file with its records.
  public struct Feed: Sendable, Hashable {
    public let name: String
    /// What it was read from where it was fetched.
    public let kind: AdvisoryFormat
    /// When it was taken from its source, RFC 3339.
    public let refreshedAt: String
    public let recordCount: Int
    /// Of its file, packed.
    public let sizeBytes: Int64
    public let digest: Digest

    public init(
      name: String, kind: AdvisoryFormat, refreshedAt: String, recordCount: Int, sizeBytes: Int64, digest: Digest
    ) {
      self.name = name
      self.kind = kind
      self.refreshedAt = refreshedAt
      self.recordCount = recordCount
      self.sizeBytes = sizeBytes
      self.digest = digest
    }

    /// What each line of its file is: advisories are in the form of OSV, whatever they were read from.
    public var form: AdvisoryFormat { kind.bundled }

    /// In the bundle.
    public var file: String { "feeds/\(name).\(form == .epss ? "csv" : "jsonl").zst" }
  }

  /// In the order of their names.
  public var feeds: [Feed]

  public init(feeds: [Feed]) { self.feeds = feeds.sorted { $0.name < $1.name } }

  /// The document. Equal manifests have equal bytes.
  public var bytes: [UInt8] {
    let feeds = feeds.map { feed -> JSONValue in
      [
        "name": .string(feed.name), "kind": .string(feed.kind.rawValue), "form": .string(feed.form.rawValue),
        "refreshedAt": .string(feed.refreshedAt), "records": .integer(Int64(feed.recordCount)),
        "file": .string(feed.file), "size": .integer(feed.sizeBytes), "digest": .string(feed.digest.description),
      ]
    }
    return (["type": .string(Self.artifactType), "feeds": .array(feeds)] as JSONValue).bytes + [UInt8(ascii: "\n")]
  }

  /// - Throws: for anything that ``bytes`` has not written.
  public init(parsing document: [UInt8]) throws(BundleError) {
    let value: JSONValue
    do throws(ParseError) {
      value = try document.withUnsafeBytes { bytes -> Result<JSONValue, ParseError> in
        do throws(ParseError) { return .success(try JSONValue.parse(bytes, depthLimit: 8)) } catch {
          return .failure(error)
        }
      }.get()
    } catch {
      throw BundleError("its manifest cannot be read: \(error.message)")
    }
    guard value["type"]?.string == Self.artifactType else {
      throw BundleError("its manifest is of another form than \(Self.artifactType)")
    }
    guard let list = value["feeds"]?.array, list.count <= Self.feedLimit else {
      throw BundleError("its manifest names no feeds, or more than \(Self.feedLimit)")
    }
    var feeds: [Feed] = []
    for entry in list {
      let feed = try Self.feed(entry)
      guard feeds.last.map({ $0.name < feed.name }) ?? true else {
        throw BundleError("its manifest names feeds twice, or not in their order")
      }
      feeds.append(feed)
    }
    self.feeds = feeds
    // Nothing may stand in what is signed that is passed over here.
    guard bytes == document else { throw BundleError("its manifest says what is not known here") }
  }

  private static func feed(_ entry: JSONValue) throws(BundleError) -> Feed {
    guard let name = entry["name"]?.string, isFeedName(name) else {
      throw BundleError("its manifest has a feed without a name, or with one that is none")
    }
    guard let kind = entry["kind"]?.string.flatMap({ AdvisoryFormat(rawValue: $0) }),
      let refreshedAt = entry["refreshedAt"]?.string, let count = entry["records"]?.integer,
      (0...Int64(recordLimit)).contains(count), let size = entry["size"]?.integer,
      (0...memberLimitBytes).contains(size), let text = entry["digest"]?.string,
      let digest = try? Digest(parsing: text), digest.algorithm == .sha256
    else { throw BundleError("its manifest does not say what \(name) is") }
    return Feed(
      name: name, kind: kind, refreshedAt: refreshedAt, recordCount: Int(count), sizeBytes: size, digest: digest)
  }

  /// Small letters, digits, dashes and points, at most 64.
  public static func isFeedName(_ name: String) -> Bool {
    let isName = name.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E
    }
    return isName && (1...64).contains(name.utf8.count)
  }
}

extension AdvisoryFormat {
  /// The form in which a bundle has the records of a feed.
  public var bundled: AdvisoryFormat {
    switch self {
    case .osv, .secdb, .debian, .csaf: .osv
    case .kev, .epss: self
    }
  }
}
