internal import CCompression
internal import OCI

/// The records of one feed on their way into a bundle: packed into a file as they come.
public final class BundleFeedFile {
  public let path: String
  public private(set) var recordCount = 0
  private let file: OutputFile
  private let stream: OpaquePointer
  private let hash: ContentHash
  private var space = [UInt8](repeating: 0, count: 256 << 10)
  private var digest: Digest?

  /// Records are much alike: a higher level costs time and saves little.
  private static let level: Int32 = 9

  public init(path: String) throws {
    self.path = path
    file = try OutputFile(path)
    hash = try ContentHash()
    try hash.begin()
    guard let stream = ZSTD_createCCtx() else { throw BundleError("there is no memory for packing") }
    self.stream = stream
    _ = ZSTD_CCtx_setParameter(stream, ZSTD_c_compressionLevel, Self.level)
    _ = ZSTD_CCtx_setParameter(stream, ZSTD_c_checksumFlag, 1)
  }

  deinit { ZSTD_freeCCtx(stream) }

  /// - Parameter record: without an end of line, and with none in it.
  public func add(_ record: [UInt8]) throws {
    precondition(digest == nil && !record.contains(UInt8(ascii: "\n")), "a record is a line")
    recordCount += 1
    try pack(record + [UInt8(ascii: "\n")], ZSTD_e_continue)
  }

  /// Ends the file.
  ///
  /// - Returns: what the manifest says of it.
  public func finish(name: String, kind: AdvisoryFormat, refreshedAt: String) throws -> BundleManifest.Feed {
    try pack([], ZSTD_e_end)
    try file.close()
    let digest = hash.end().withUnsafeBytes { Digest(.sha256, bytes: $0) }
    self.digest = digest
    guard file.sizeBytes <= BundleManifest.memberLimitBytes else {
      throw BundleError("\(name) has more than \(BundleManifest.memberLimitBytes) bytes")
    }
    return BundleManifest.Feed(
      name: name, kind: kind, refreshedAt: refreshedAt, recordCount: recordCount, sizeBytes: file.sizeBytes,
      digest: digest)
  }

  private func pack(_ bytes: [UInt8], _ end: ZSTD_EndDirective) throws {
    try bytes.withUnsafeBytes { bytes in
      var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
      var left = 1
      while input.pos < input.size || (end == ZSTD_e_end && left > 0) {
        try space.withUnsafeMutableBytes { space in
          var output = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
          left = ZSTD_compressStream2(stream, &output, &input, end)
          guard ZSTD_isError(left) == 0 else { throw BundleError("records cannot be packed") }
          let packed = UnsafeRawBufferPointer(rebasing: space[..<output.pos])
          hash.add(packed)
          try file.write(packed)
        }
      }
    }
  }
}

/// Puts a bundle together.
public enum BundleDraft {
  /// Writes a bundle.
  ///
  /// - Parameters:
  ///   - feeds: each with the file that has its records, as ``BundleFeedFile`` made it.
  ///   - sign: the signature over the manifest, by Ed25519.
  public static func write(
    to path: String, _ feeds: [(feed: BundleManifest.Feed, path: String)], sign: ([UInt8]) throws -> [UInt8]
  ) throws {
    guard feeds.count <= BundleManifest.feedLimit else {
      throw BundleError("a bundle has at most \(BundleManifest.feedLimit) feeds")
    }
    let feeds = feeds.sorted { $0.feed.name < $1.feed.name }
    let manifest = BundleManifest(feeds: feeds.map(\.feed)).bytes
    let signature = try sign(manifest)
    precondition(signature.count == BundleLayout.signatureBytes, "it is a signature of Ed25519")
    let file = try OutputFile(path)
    for (name, bytes) in [(BundleLayout.manifest, manifest), (BundleLayout.signature, signature)] {
      try file.write(BundleLayout.header(name, Int64(bytes.count)))
      try file.write(bytes)
      try file.pad(Int64(bytes.count))
    }
    for (feed, path) in feeds {
      try file.write(BundleLayout.header(feed.file, feed.sizeBytes))
      try copy(path, feed.sizeBytes, to: file)
      try file.pad(feed.sizeBytes)
    }
    try file.write([UInt8](repeating: 0, count: BundleLayout.endBytes))
    try file.close()
  }

  private static func copy(_ path: String, _ sizeBytes: Int64, to file: OutputFile) throws {
    let source = try InputFile(path)
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { space.deallocate() }
    var position: Int64 = 0
    while position < sizeBytes {
      let wanted = UnsafeMutableRawBufferPointer(
        rebasing: space[..<min(space.count, Int(min(sizeBytes - position, Int64(space.count))))])
      let count = try source.read(into: wanted, at: position)
      guard count > 0 else { throw BundleError("\(path) has become shorter") }
      try file.write(UnsafeRawBufferPointer(rebasing: wanted[..<count]))
      position += Int64(count)
    }
  }
}
