/// The paths that packages of one database own, as far as another cataloguer might read them.
///
/// Databases name a directory once and files in it many times. So a small one could name paths without end: there is a limit to
/// what they come to together.
struct OwnedPaths {
  /// Of a path. Linux takes no longer one.
  private static let pathLimitBytes = 4096

  /// Of one database. A full desktop has some tens of thousands.
  static let countLimit = 500_000

  private(set) var paths: [String] = []
  /// For each path the position of its package.
  private(set) var owners: [Int] = []
  private var path: [UInt8] = []
  private var directoryBytes = 0
  private var isTooLong = false
  private var leftBytes: Int
  private var leftToKeepBytes = 64 << 20

  /// - Parameter databaseBytes: the size of what names the paths. In real ones they come to a fraction of it.
  init(databaseBytes: Int) {
    leftBytes = 4 * databaseBytes + (1 << 16)
  }

  /// The directory of the names that follow, with or without slashes around it.
  mutating func enter(_ directory: UnsafeRawBufferPointer) throws(CatalogueError) {
    try take(directory.count)
    path.removeAll(keepingCapacity: true)
    isTooLong = directory.count > Self.pathLimitBytes
    guard !isTooLong else { return }
    path.append(contentsOf: directory.drop { $0 == UInt8(ascii: "/") })
    while path.last == UInt8(ascii: "/") { path.removeLast() }
    if !path.isEmpty { path.append(UInt8(ascii: "/")) }
    directoryBytes = path.count
  }

  mutating func add(_ name: UnsafeRawBufferPointer, owner: Int) throws(CatalogueError) {
    guard !isTooLong, directoryBytes + name.count <= Self.pathLimitBytes else { return }
    path.append(contentsOf: name)
    defer { path.removeLast(name.count) }
    guard path.withUnsafeBytes({ LanguagePaths.mayHoldPackage($0) }) else { return try take(name.count) }
    leftToKeepBytes -= path.count
    try take(path.count)
    guard paths.count < Self.countLimit else {
      throw CatalogueError("its packages own more than \(Self.countLimit) programs")
    }
    paths.append(String(decoding: path, as: UTF8.self))
    owners.append(owner)
  }

  /// A whole path, with or without a slash before it.
  mutating func add(path: String, owner: Int) throws(CatalogueError) {
    let bytes = Array(path.utf8.drop { $0 == UInt8(ascii: "/") })
    let outcome = bytes.withUnsafeBytes { all -> Result<Void, CatalogueError> in
      do throws(CatalogueError) {
        try enter(UnsafeRawBufferPointer(rebasing: all[..<0]))
        return .success(try add(all, owner: owner))
      } catch { return .failure(error) }
    }
    try outcome.get()
  }

  private mutating func take(_ count: Int) throws(CatalogueError) {
    leftBytes -= count
    guard leftBytes >= 0, leftToKeepBytes >= 0 else {
      throw CatalogueError("its packages own more paths than such a file can name")
    }
  }
}
