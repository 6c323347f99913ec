/// Every limit of reading a layer, in one place. What goes beyond one ends the reading with a reason, or is a notice.
public struct ArchiveLimits: Sendable, Hashable {
  /// Of the archive, uncompressed. The largest real layers, with models in them, have some tens of gigabytes.
  public var uncompressedBytes: Int64 = 256 << 30
  /// Uncompressed bytes for each compressed one, counted once there are more than ``ratioFloorBytes``. Deflate reaches 1032; files
  /// of zeros in real layers come to some hundreds.
  public var ratio: Int64 = 1100
  /// So much may come out of however little: below it no ratio is asked.
  public var ratioFloorBytes: Int64 = 64 << 20
  /// The same of zstd, which writes a hundred megabytes of zeros in a few kilobytes. So much is read in some seconds.
  public var denseRatioFloorBytes: Int64 = 2 << 30
  /// Headers of the archive. A layer of a million files is read.
  public var entryCount = 4_000_000
  /// Of a path or the target of a link. Linux takes 4096.
  public var pathBytes = 4096
  /// Names in a path. Deeper ones are irregular, and not followed.
  public var pathDepth = 256
  /// Of the extended header of one entry: its paths and attributes.
  public var extendedHeaderBytes = 1 << 20
  /// Entries that the list of files names; the others are counted.
  public var listedFileCount = 500_000
  /// Notices of one kind in one layer; further ones are counted as unlisted.
  public var noticeCount = 1000
  /// Packages that one layer may name in all.
  public var componentCount = 200_000
  /// Paths that packages of the operating system own and that are kept, in one layer.
  public var ownedPathCount = 1_000_000
  /// Of the paths that an inventory keeps: of whiteouts, links to folders, files that stand in place of folders, files that name
  /// packages. Real layers come to some megabytes.
  public var keptPathBytes = 48 << 20
  /// What a layer may remove of those below, each by its own entry.
  public var whiteoutCount = 200_000
  /// Files near the root that may stand in place of folders of any name, in one layer; those that would be folders of packages are
  /// kept beyond it.
  public var replacementCount = 4096
  /// Symbolic links that may lead to folders and are kept, in one layer.
  public var directoryLinkCount = 20_000
  /// Of a file whose content is kept because a hard link may give it a name that says something, and of all of those together.
  public var linkedFileBytes = 64 << 10
  public var linkedBytes = 16 << 20
  /// The history that a compressed stream may refer back to, as a power of two: 2 to the 27th is 128 MiB, what `zstd` makes with
  /// `--long` and decodes without being asked.
  public var windowLog = 27
  /// No limit, but a choice: what unpacks gzip.
  public var gzip = GzipEngine.fastest

  public init() {}
}

/// Why a layer cannot be read.
public enum LayerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Its bytes are not what a layer is: broken, cut off, or no archive at all.
  case broken(String)
  /// It goes beyond a limit.
  case limit(String)
  /// Reading its bytes failed: it may succeed another time.
  case unreadable(String)

  public var description: String {
    switch self {
    case .broken(let reason), .limit(let reason), .unreadable(let reason): reason
    }
  }

  /// Whether the same bytes would come to the same end.
  public var isLasting: Bool {
    if case .unreadable = self { false } else { true }
  }
}
