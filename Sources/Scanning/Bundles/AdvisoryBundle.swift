internal import OCI

/// A bundle of advisories that was found to be what its signer made.
///
/// Nothing of it is unpacked, and nothing of its manifest is read, before the signature over the manifest and the digests in it were
/// checked: until then it is bytes of strangers.
public final class AdvisoryBundle: Sendable {
  public let manifest: BundleManifest
  private let file: InputFile
  /// Where the records of each feed begin, in the order of the manifest.
  private let positions: [Int64]

  /// Opens a file and checks all of it.
  ///
  /// - Parameter isTrusted: whether a signature over a message is of a key that is trusted.
  /// - Throws: what is wrong with it. It is refused as a whole then.
  public init(at path: String, trusting isTrusted: (_ message: [UInt8], _ signature: [UInt8]) -> Bool)
    throws(BundleError)
  {
    let file = try InputFile(path)
    var reader = BundleReader(file)
    let document = try reader.document()
    let signature = try reader.signature()
    guard isTrusted(document, signature) else {
      throw BundleError(
        "it is not signed by a key that is trusted: either its manifest was altered, or somebody else made it")
    }
    let manifest = try BundleManifest(parsing: document)
    var positions: [Int64] = []
    for feed in manifest.feeds { positions.append(try reader.check(feed)) }
    try reader.end()
    self.manifest = manifest
    self.positions = positions
    self.file = file
  }

  /// Whether a file begins as a bundle does.
  public static func isBundle(at path: String) -> Bool {
    guard let file = try? InputFile(path) else { return false }
    var reader = BundleReader(file)
    return (try? reader.document()) != nil
  }

  /// The records of a feed, a line each.
  public func records(of feed: BundleManifest.Feed) throws -> RecordWalk {
    guard let index = manifest.feeds.firstIndex(of: feed) else { throw BundleError("it has no feed \(feed.name)") }
    return try RecordWalk(
      lines: FileSection(file, positions[index]..<positions[index] + feed.sizeBytes), of: feed.file)
  }

  /// Reads all records of a feed.
  ///
  /// - Throws: when one cannot be understood, or they are not as many as the manifest says.
  public func check(_ feed: BundleManifest.Feed) throws {
    let walk = try records(of: feed)
    var count = 0
    do {
      while try walk.next({ count += try feed.form.items($0).count }) {}
    } catch let error as ParseError {
      throw BundleError("a record of \(feed.name) cannot be read: \(error.message)")
    }
    guard count == feed.recordCount else {
      throw BundleError("\(feed.name) has \(count) records, and its manifest tells of \(feed.recordCount)")
    }
  }

  /// Of the file.
  public var sizeBytes: Int64 { file.sizeBytes }
}

/// Reads a bundle from its first byte to its last.
struct BundleReader {
  private let file: InputFile
  private var position: Int64 = 0

  init(_ file: InputFile) { self.file = file }

  /// The manifest, not believed yet.
  mutating func document() throws(BundleError) -> [UInt8] {
    guard file.sizeBytes >= Int64(BundleLayout.blockBytes),
      let size = BundleLayout.size(try take(BundleLayout.blockBytes), of: BundleLayout.manifest)
    else { throw BundleError("it is no bundle of advisories") }
    guard size <= Int64(BundleManifest.limitBytes) else {
      throw BundleError("its manifest has more than \(BundleManifest.limitBytes) bytes")
    }
    let document = try take(Int(size))
    try skipPadding(size)
    return document
  }

  mutating func signature() throws(BundleError) -> [UInt8] {
    let size = Int64(BundleLayout.signatureBytes)
    let header = try take(BundleLayout.blockBytes)
    guard header == BundleLayout.header(BundleLayout.signature, size) else {
      throw BundleError("it is not signed: no signature follows its manifest")
    }
    let signature = try take(BundleLayout.signatureBytes)
    try skipPadding(size)
    return signature
  }

  /// Reads the file of a feed and holds it against its digest. Answers where it begins.
  mutating func check(_ feed: BundleManifest.Feed) throws(BundleError) -> Int64 {
    let header = try take(BundleLayout.blockBytes)
    guard header == BundleLayout.header(feed.file, feed.sizeBytes) else {
      throw BundleError("\(feed.file) is not where its manifest has it, or has another size")
    }
    let begin = position
    let hash: ContentHash
    do throws(LayerError) {
      hash = try ContentHash()
      try hash.begin()
    } catch {
      throw BundleError(error.description)
    }
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { space.deallocate() }
    while position < begin + feed.sizeBytes {
      let wanted = Int(min(begin + feed.sizeBytes - position, Int64(space.count)))
      let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: space[..<wanted]), at: position)
      guard count > 0 else { throw Self.cutOff }
      hash.add(UnsafeRawBufferPointer(rebasing: space[..<count]))
      position += Int64(count)
    }
    guard hash.end().withUnsafeBytes({ Digest(.sha256, bytes: $0) }) == feed.digest else {
      throw BundleError("\(feed.file) is not what was signed: its digest differs from that of the manifest")
    }
    try skipPadding(feed.sizeBytes)
    return begin
  }

  mutating func end() throws(BundleError) {
    guard try take(BundleLayout.endBytes).allSatisfy({ $0 == 0 }), position == file.sizeBytes else {
      throw BundleError("there is more in it than its manifest names")
    }
  }

  private static let cutOff = BundleError("it is cut off")

  private mutating func skipPadding(_ sizeBytes: Int64) throws(BundleError) {
    guard try take(BundleLayout.paddingBytes(sizeBytes)).allSatisfy({ $0 == 0 }) else {
      throw BundleError("there is more in it than its manifest names")
    }
  }

  /// - Parameter count: bounded by who asks.
  private mutating func take(_ count: Int) throws(BundleError) -> [UInt8] {
    guard position + Int64(count) <= file.sizeBytes else { throw Self.cutOff }
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let begin = filled
      let place = position
      let step = bytes.withUnsafeMutableBytes { space -> Result<Int, BundleError> in
        do throws(BundleError) {
          return .success(try file.read(into: UnsafeMutableRawBufferPointer(rebasing: space[begin...]), at: place))
        } catch {
          return .failure(error)
        }
      }
      let read = try step.get()
      guard read > 0 else { throw Self.cutOff }
      filled += read
      position += Int64(read)
    }
    return bytes
  }
}
