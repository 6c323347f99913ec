internal import OCI

/// Reads what one kind of file says of packages.
///
/// A cataloguer is a value without state. It may be asked for any path, and for bytes that a stranger wrote to break it: it
/// throws or answers, in time linear in the bytes, and never traps.
public protocol Cataloguer: Sendable {
  /// Stands in the artefacts it makes: `dpkg`.
  var name: String { get }
  /// Counted on with every change of what it finds, so that layers are read again.
  var revision: Int { get }
  /// The largest file it reads. A larger one is a notice of kind `unreadable`.
  var sizeLimitBytes: Int { get }
  /// Whether it wants the content of a file. Asked for every regular file of every layer, so it must be quick: look at the end of
  /// the path first.
  func wants(_ file: Candidate) -> Bool
  /// What the file says; nil when it is not what its name promised and there is nothing to say of it.
  ///
  /// - Throws: ``CatalogueError``, which becomes a notice.
  func artefact(in file: LayerFile) throws(CatalogueError) -> Artefact?
}

/// A file before its content is read.
public struct Candidate: Sendable {
  /// From the root of the image, without a slash before or behind.
  public let path: String
  public let size: Int64
  public let mode: UInt16
  /// The first bytes of the file, as far as it has them, at most 16.
  public let start: [UInt8]

  public init(path: String, size: Int64, mode: UInt16 = 0o644, start: [UInt8] = []) {
    self.path = path
    self.size = size
    self.mode = mode
    self.start = start
  }
}

/// Why a file that a cataloguer wanted says nothing.
public struct CatalogueError: Error, Hashable, CustomStringConvertible {
  /// For people, without content of the file: "it ends in the middle of a record".
  public let reason: String

  public init(_ reason: String) { self.reason = reason }

  public var description: String { reason }
}
