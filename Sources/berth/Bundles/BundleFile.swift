import AsyncHTTPClient
import BlobStorage
import Glibc
import NIOCore
import OCI
import Scanning

/// A bundle's file, to be sent piece by piece.
struct BundleFile: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  /// Of a bundle: of its feeds together.
  static let sizeLimitBytes: Int64 = 64 << 30
  private static let pieceBytes = 256 << 10

  private let path: String

  /// - Throws: when it is no bundle.
  init(_ path: String) throws {
    guard access(path, R_OK) == 0 else { throw BundleFailure.ofSystem(path) }
    guard AdvisoryBundle.isBundle(at: path) else { throw BundleFailure("\(path) is no bundle of advisories") }
    self.path = path
  }

  /// Its digest and size.
  func identity() throws -> (digest: Digest, sizeBytes: Int64) {
    let reader = try Reader(path)
    var hasher = ContentHasher(.sha256)
    var sizeBytes: Int64 = 0
    while let piece = try reader.next() { sizeBytes += Int64(hasher.update(piece)) }
    return (hasher.digest(), sizeBytes)
  }

  private final class Reader {
    private let path: String
    private let file: UnsafeMutablePointer<FILE>

    init(_ path: String) throws {
      self.path = path
      guard let file = fopen(path, "re") else { throw BundleFailure.ofSystem(path) }
      self.file = file
    }

    deinit { fclose(file) }

    func next() throws -> ByteBuffer? {
      var piece = ByteBuffer()
      let count = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: BundleFile.pieceBytes) {
        fread($0.baseAddress, 1, BundleFile.pieceBytes, file)
      }
      guard ferror(file) == 0 else { throw BundleFailure.ofSystem(path) }
      return count > 0 ? piece : nil
    }
  }

  struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let path: String
    private var reader: Reader?

    fileprivate init(path: String) { self.path = path }

    mutating func next() async throws -> ByteBuffer? {
      let reader = try self.reader ?? Reader(path)
      self.reader = reader
      return try reader.next()
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(path: path) }

  /// Writes what comes into a file, when it is what a descriptor says.
  static func save(_ body: HTTPClientResponse.Body, to path: String, _ layer: Descriptor) async throws {
    guard layer.size <= sizeLimitBytes else { throw BundleFailure("the bundle has more than \(sizeLimitBytes) bytes") }
    guard let file = fopen(path, "we") else { throw BundleFailure.ofSystem(path) }
    var isOpen = true
    defer { if isOpen { fclose(file) } }
    var hasher = ContentHasher(layer.digest.algorithm)
    var sizeBytes: Int64 = 0
    for try await piece in body {
      sizeBytes += Int64(hasher.update(piece))
      guard sizeBytes <= layer.size else { throw BundleFailure("the registry gave more than the bundle has") }
      let isWritten = piece.withUnsafeReadableBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
      guard isWritten else { throw BundleFailure.ofSystem(path) }
    }
    isOpen = false
    guard fclose(file) == 0 else { throw BundleFailure.ofSystem(path) }
    guard sizeBytes == layer.size, hasher.digest() == layer.digest else {
      throw BundleFailure("what the registry gave is not \(layer.digest)")
    }
  }
}
