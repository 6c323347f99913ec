/// Something about one file of a layer that a person should know, and that is not a package.
public struct Notice: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Its set-user-ID or set-group-ID bit is set.
    case setUserID = "setuid"
    /// A regular file that everybody may write.
    case worldWritable = "world-writable"
    /// A private key or credential by its shape. Never with its value.
    case secret
    /// A file that a cataloguer wanted and could not read; ``Notice/detail`` says why.
    case unreadable
    /// The archive is not as it should be, and was read on: an escaping link, a device, a path with `..`.
    case irregular
  }

  public var kind: Kind
  public var path: String
  /// Which shape of secret (`aws-access-key-id`), or the reason. Never content of the file.
  public var detail: String

  public init(_ kind: Kind, path: String, detail: String = "") {
    self.kind = kind
    self.path = path
    self.detail = detail
  }
}
