import Access
import ArgumentParser
import Glibc

/// Something about a bundle that a person is told in a line.
struct BundleFailure: Error, CustomStringConvertible {
  let description: String
  let exitCode: ExitCode

  init(_ description: String, exitCode: ExitCode = .failure) {
    self.description = description
    self.exitCode = exitCode
  }

  /// Of the last call of the system.
  static func ofSystem(_ path: String) -> BundleFailure {
    BundleFailure("\(path): \(String(cString: strerror(errno)))")
  }
}

/// Keys of bundles, as files.
enum BundleKeys {
  /// `advisories.pem` → `advisories.pub.pem`.
  static func publicPath(_ path: String) -> String {
    (path.hasSuffix(".pem") ? String(path.dropLast(4)) : path) + ".pub.pem"
  }

  /// Makes a pair of files that were not there: the private one is its owner's alone.
  static func generate(at path: String) throws {
    let pair = try SigningPair.generate()
    try write(pair.privatePEM, to: path, mode: 0o600)
    try write(pair.publicPEM, to: publicPath(path), mode: 0o644)
  }

  /// - Throws: also when others than its owner may read it.
  static func pair(at path: String) throws -> SigningPair {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
      throw BundleFailure("\(path) can be read by others: chmod 600 \(path)")
    }
    guard let text = try readWholeFile(path) else {
      throw BundleFailure("\(path) is not there: berth advisories key \(path) makes a pair of keys")
    }
    do { return try SigningPair(pem: text) } catch { throw BundleFailure("\(path): \(error)") }
  }

  /// The public keys of some files.
  static func trusted(_ paths: [String]) throws -> [PublicKey] {
    try paths.map { path in
      guard let text = try readWholeFile(path) else { throw BundleFailure("\(path) is not there") }
      do { return try PublicKey(ed25519PEM: text) } catch { throw BundleFailure("\(path): \(error)") }
    }
  }

  private static func write(_ text: String, to path: String, mode: mode_t) throws {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw BundleFailure.ofSystem(path) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
      throw BundleFailure.ofSystem(path)
    }
  }
}
