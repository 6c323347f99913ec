/// One entry of a layer as the list of its files has it.
public struct ListedFile: Sendable, Hashable {
  public enum Kind: UInt8, Sendable, Hashable {
    case file, directory, symbolicLink, hardLink, device, fifo
  }

  public var kind: Kind
  /// From the root, without a slash before or behind.
  public var path: String
  public var size: Int64
  public var mode: UInt16
  /// Of a link, as the archive has it.
  public var target: String
  /// SHA-256 of a regular file's content, 32 bytes; empty for the others, and for files with holes.
  public var digest: [UInt8]

  public init(kind: Kind, path: String, size: Int64, mode: UInt16, target: String = "", digest: [UInt8] = []) {
    self.kind = kind
    self.path = path
    self.size = size
    self.mode = mode
    self.target = target
    self.digest = digest
  }
}
