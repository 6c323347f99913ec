/// What was found in one layer, read once.
public struct LayerInventory: Sendable, Hashable {
  /// The revision of the set of cataloguers that made it; see ``Cataloguers/revision``.
  public var revision: Int
  public var artefacts: [Artefact] = []
  public var whiteouts: [Whiteout] = []
  /// Symbolic links whose target is a directory, by path: `lib` → `usr/lib`. They alias the paths of other layers.
  public var directoryLinks: [DirectoryLink] = []
  /// Paths of files and links that stand where a lower layer may have a directory. Only those are kept under which, or at
  /// which, an artefact can stand.
  public var replacements: [String] = []
  public var notices: [Notice] = []
  /// How much there was, uncompressed.
  public var figures = Figures()

  public init(revision: Int) { self.revision = revision }

  /// Something of lower layers that this layer removes.
  ///
  /// Source: image-spec, layer.md, "Whiteouts".
  public struct Whiteout: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
      /// `.wh.NAME`: the path and what is below it.
      case path
      /// `.wh..wh..opq`: what lower layers have in the directory, not the directory itself.
      case opaque
    }

    public var kind: Kind
    /// What is removed, or the directory that is opaque.
    public var path: String

    public init(_ kind: Kind, _ path: String) {
      self.kind = kind
      self.path = path
    }
  }

  public struct DirectoryLink: Sendable, Hashable {
    public var path: String
    /// From the root of the image, resolved as text; nil when it leaves the root or is too deep.
    public var target: String

    public init(path: String, target: String) {
      self.path = path
      self.target = target
    }
  }

  public struct Figures: Sendable, Hashable {
    public var entryCount = 0
    public var fileCount = 0
    /// Bytes of the tar archive, uncompressed.
    public var uncompressedBytes: Int64 = 0
    /// Entries whose path stands in no list because there were too many.
    public var unlistedCount = 0

    public init() {}
  }
}
