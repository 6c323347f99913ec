/// Which files might name packages of a language, as far as a path tells. For keeping, of all the files of a package of the
/// operating system, those whose owner matters.
enum LanguagePaths {
  private static let endings: [[UInt8]] = [
    "/METADATA", "/PKG-INFO", ".egg-info", "/package.json", ".gemspec", ".jar", ".war", ".ear", ".par",
    "/installed.json", ".deps.json",
  ].map { Array($0.utf8) }

  /// Programs have no mark in their path: those in the usual directories are taken for what they may be.
  private static let programDirectories: [[UInt8]] = [
    "usr/bin/", "usr/sbin/", "bin/", "sbin/", "usr/libexec/", "usr/local/bin/",
  ].map { Array($0.utf8) }

  private static let libraryDirectory = Array("usr/lib/".utf8)

  static func mayHoldPackage(_ path: String) -> Bool {
    var path = path
    return path.withUTF8 { mayHoldPackage(UnsafeRawBufferPointer($0)) }
  }

  /// - Parameter path: from the root, without a slash before it. Asked of every file of every package, so it makes no text of it.
  static func mayHoldPackage(_ path: UnsafeRawBufferPointer) -> Bool {
    if endings.contains(where: { ends(path, with: $0) }) { return true }
    if programDirectories.contains(where: { path.starts(with: $0) }) { return true }
    guard path.starts(with: libraryDirectory) else { return false }
    let name = path.lastIndex(of: UInt8(ascii: "/")).map { path[($0 + 1)...] } ?? path[...]
    return !name.contains(UInt8(ascii: "."))
  }

  private static func ends(_ path: UnsafeRawBufferPointer, with ending: [UInt8]) -> Bool {
    path.count >= ending.count && path.last == ending.last
      && path[(path.count - ending.count)...].elementsEqual(ending)
  }
}
