import BlobStorage
import Glibc

/// The folder that `storage.data` names, as it is found before anything in it is opened.
struct DataDirectory {
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  private let path: String
  private let hasDatabase: Bool
  private let hasBlobs: Bool

  init(_ settings: Settings) {
    path = settings.storage.data
    hasDatabase = settings.storage.database == nil
    hasBlobs = settings.storage.blobs == nil
  }

  /// - Throws: ``Unusable`` when it is no folder, is not there where a registry is to be examined, or holds blobs and no database:
  ///   a server would make a new one, know none of the blobs, and remove them.
  func check(for purpose: Storage.Purpose) throws {
    var status = stat()
    let isThere = stat(path, &status) == 0
    if isThere, status.st_mode & S_IFMT != S_IFDIR { throw Unusable(description: "\(path) is no folder") }
    if case .rebuilding = purpose { return }
    guard hasDatabase else {
      guard isThere || purpose != .examining else { throw nothing }
      return
    }
    guard !hasRows else { return }
    if hasBlobs, isThere, holdsBlobs {
      throw Unusable(
        description: "\(path) holds blobs, and no metadata.db that knows them: restore it, or run "
          + "`berth check --rebuild --data \(path)`, which makes the rows of the blobs anew")
    }
    if purpose == .examining { throw nothing }
  }

  /// - Throws: ``Unusable`` when this account may not write into it, or cannot make it.
  func checkWritable() throws {
    var nearest = path
    while access(nearest, F_OK) != 0, let slash = nearest.lastIndex(of: "/") {
      nearest = slash == nearest.startIndex ? "/" : String(nearest[..<slash])
      if nearest == "/" { break }
    }
    // A relative path of which nothing is there begins in the folder that one is in.
    if access(nearest, F_OK) != 0 { nearest = "." }
    guard access(nearest, W_OK | X_OK) != 0 else { return }
    throw Unusable(description: "\(nearest) cannot be written to: \(String(cString: strerror(errno)))")
  }

  private var nothing: Unusable { Unusable(description: "there is no registry in \(path)") }

  /// Whether there is a database that something was written to.
  private var hasRows: Bool {
    var status = stat()
    return stat(Storage.databasePath(path), &status) == 0 && status.st_size > 0
  }

  /// Only looked at: to open the store would write.
  private var holdsBlobs: Bool {
    func entries(_ folder: String) -> [String] { (try? LocalDisk().list(folder)) ?? [] }
    return entries("\(path)/blobs").contains { algorithm in
      let shards = "\(path)/blobs/\(algorithm)"
      return entries(shards).contains { !entries("\(shards)/\($0)").isEmpty }
    }
  }
}
