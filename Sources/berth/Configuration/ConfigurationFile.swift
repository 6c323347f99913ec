import Glibc

/// The text of a configuration file.
enum ConfigurationFile {
  /// Read when neither `--config` nor `BERTH_CONFIG` names a file and this one exists.
  static let defaultPath = "/etc/berth/berth.yaml"

  /// A file larger than this is not a configuration; reading stops here.
  static let sizeLimitBytes = 1_048_576

  /// The bytes of a file that somebody named, or of the default one.
  ///
  /// - Parameter isOptional: an absent file is `nil` instead of an error.
  static func read(_ path: String, isOptional: Bool) throws(ConfigurationError) -> [UInt8]? {
    let place = SettingSource.file(path: printable(path), mark: nil)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else {
      let code = errno
      if isOptional && (code == ENOENT || code == ENOTDIR) { return nil }
      let hint = isOptional ? "; name another file with --config or BERTH_CONFIG" : ""
      throw ConfigurationError(place: place, message: "cannot be read: \(String(cString: strerror(code)))\(hint)")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= sizeLimitBytes {
      let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      let code = errno
      if count == 0 { return bytes }
      if count > 0 {
        bytes += buffer.prefix(count)
      } else if code != EINTR {
        throw ConfigurationError(place: place, message: "cannot be read: \(String(cString: strerror(code)))")
      }
    }
    throw ConfigurationError(place: place, message: "is larger than 1 MiB, which no configuration needs to be")
  }

  /// A path for messages: control characters escaped, otherwise as given.
  static func printable(_ path: String) -> String {
    path.unicodeScalars.contains(where: isControl) ? quoted(path) : path
  }
}

/// The variables of this process. Names that are not UTF-8 are repaired.
func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  var position = 0
  while let entry = environ[position] {
    let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
    position += 1
  }
  return result
}
