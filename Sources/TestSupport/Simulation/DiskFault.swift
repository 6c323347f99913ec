/// A failure that a simulated disk answers, without any loss of power.
public struct DiskFault: Sendable {
  /// The errno of a full disk. Only what may need space fails with it.
  public static let noSpace: Int32 = 28
  /// The errno of a medium that fails. Everything can fail with it.
  public static let inputOutput: Int32 = 5

  /// The operation, counted from 0 over those that can fail so, that is the first to fail.
  public var operation: Int
  public var code: Int32
  /// Whether all later ones fail too, until the fault is taken away.
  public var lasts: Bool

  public init(operation: Int, code: Int32, lasts: Bool) {
    self.operation = operation
    self.code = code
    self.lasts = lasts
  }

  func concerns(_ operation: DiskOperation) -> Bool { code != Self.noSpace || operation.mayNeedSpace }
}

/// The operations of a disk, as a simulation counts them.
public enum DiskOperation: Sendable {
  case open, create, size, read, write, truncate, sync, syncDirectory, rename, unlink, list, makeDirectory

  var mayNeedSpace: Bool {
    switch self {
    case .create, .write, .sync, .rename, .makeDirectory: true
    case .open, .size, .read, .truncate, .syncDirectory, .unlink, .list: false
    }
  }

  var isChange: Bool {
    switch self {
    case .create, .write, .truncate, .sync, .syncDirectory, .rename, .unlink, .makeDirectory: true
    case .open, .size, .read, .list: false
    }
  }
}
