/// Which files might name packages of a language, as far as a path tells. For keeping, of all the files of a package of the
/// operating system, those whose owner matters.
enum LanguagePaths {
  private static let endings = [
    "/METADATA", "/PKG-INFO", ".egg-info", "/package.json", ".gemspec", ".jar", ".war", ".ear", ".par",
    "/installed.json",
    ".deps.json",
  ]

  /// Programs have no mark in their path: those in the usual directories are taken for what they may be.
  static func mayHoldPackage(_ path: String) -> Bool {
    if endings.contains(where: { path.hasSuffix($0) }) { return true }
    return path.hasPrefix("usr/bin/") || path.hasPrefix("usr/sbin/") || path.hasPrefix("bin/")
      || path.hasPrefix("sbin/")
      || path.hasPrefix("usr/libexec/") || path.hasPrefix("usr/local/bin/")
      || (path.hasPrefix("usr/lib/") && !LayerPath.lastName(path).contains("."))
  }
}
