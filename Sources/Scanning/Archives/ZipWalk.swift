internal import CCompression

/// One member of a zip archive as its local header tells of it.
struct ZipMember {
  /// As the archive has it.
  var name: String
  var method: Int
  /// Packed. Nil: its end tells, see ``ZipWalk``.
  var packedBytes: Int64?

  var isStored: Bool { method == 0 }
  var isDeflated: Bool { method == 8 }
}

/// Every limit of reading zip archives, also of those that stand in one another.
struct ZipLimits: Sendable {
  /// Members of an archive and of those in it.
  var memberCount = 400_000
  /// Unpacked, in all.
  var unpackedBytes: Int64 = 4 << 30
  /// Archives in archives.
  var depth = 5
  /// Before the first member: a script that starts the archive.
  var prefixBytes = 1 << 20
  /// Of a document that is read into memory.
  var documentBytes = 1 << 20
}

/// What archives in one another have used of their limits.
final class ZipBudget {
  let limits: ZipLimits
  private var memberCount = 0
  private var unpackedBytes: Int64 = 0

  init(_ limits: ZipLimits = ZipLimits()) { self.limits = limits }

  func countMember() throws(StreamFailure) {
    memberCount += 1
    guard memberCount <= limits.memberCount else {
      throw .file(CatalogueError("it has more than \(limits.memberCount) members"))
    }
  }

  func countUnpacked(_ count: Int) throws(StreamFailure) {
    unpackedBytes += Int64(count)
    guard unpackedBytes <= limits.unpackedBytes else {
      throw .file(CatalogueError("it unpacks to more than \(limits.unpackedBytes) bytes"))
    }
  }
}

/// Walks a zip archive from its first byte on, by its local headers, so that nothing of it need be held.
///
/// Source: APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
final class ZipWalk {
  private let input: BufferedInput
  private let budget: ZipBudget
  private var member: ZipMember?
  /// Bytes of the member that were not taken yet, where its header tells how many.
  private var packedLeft: Int64 = 0
  private var hasDescriptor = false
  private var inflater: RawInflater?
  private var isFirst = true

  init(_ source: any ByteSource, _ budget: ZipBudget) {
    input = BufferedInput(source)
    self.budget = budget
  }

  private static func broken(_ reason: String) -> StreamFailure { .file(CatalogueError(reason)) }
  private static let localHeader: UInt32 = 0x0403_4B50
  private static let descriptor: UInt32 = 0x0807_4B50
  /// The central directory, its end, and what may stand before either.
  private static let endings: Set<UInt32> = [0x0201_4B50, 0x0605_4B50, 0x0606_4B50, 0x0806_4B50]

  // MARK: Members

  /// The next member; nil after the last.
  func next() throws(StreamFailure) -> ZipMember? {
    try finishMember()
    let wasFirst = isFirst
    if isFirst { try skipPrefix() }
    isFirst = false
    guard try fill(4) else {
      guard !wasFirst else { throw Self.broken("it is no archive") }
      return nil
    }
    let signature = word(at: 0)
    guard signature == Self.localHeader else {
      guard Self.endings.contains(signature) else { throw Self.broken("it goes on with something that is no member") }
      return nil
    }
    guard try fill(30) else { throw Self.broken("it ends in the middle of a header") }
    let (flags, method) = (half(at: 6), Int(half(at: 8)))
    var packed = Int64(word(at: 18))
    let unpacked = Int64(word(at: 22))
    let (nameBytes, extraBytes) = (Int(half(at: 26)), Int(half(at: 28)))
    guard try fill(30 + nameBytes + extraBytes) else { throw Self.broken("it ends in the middle of a header") }
    let name = String(decoding: input.window[30..<30 + nameBytes], as: UTF8.self)
    if packed == 0xFFFF_FFFF || unpacked == 0xFFFF_FFFF {
      packed =
        longSize(in: 30 + nameBytes..<30 + nameBytes + extraBytes, hasUnpacked: unpacked == 0xFFFF_FFFF) ?? packed
    }
    input.advance(30 + nameBytes + extraBytes)
    try budget.countMember()
    hasDescriptor = flags & 8 != 0
    guard flags & 1 == 0 else { throw Self.broken("it is encrypted") }
    let isTold = !hasDescriptor || packed > 0
    guard isTold || method == 8 else { throw Self.broken("the end of \(name.prefix(80)) is not told") }
    packedLeft = isTold ? packed : 0
    let found = ZipMember(name: name, method: method, packedBytes: isTold ? packed : nil)
    member = found
    inflater = nil
    return found
  }

  /// The size in the extra field of long archives.
  private func longSize(in range: Range<Int>, hasUnpacked: Bool) -> Int64? {
    var position = range.lowerBound
    while position + 4 <= range.upperBound {
      let (kind, size) = (half(at: position), Int(half(at: position + 2)))
      let value = position + 4 + (hasUnpacked ? 8 : 0)
      if kind == 1, value + 8 <= min(position + 4 + size, range.upperBound) {
        let size = UInt64(word(at: value)) | UInt64(word(at: value + 4)) << 32
        return Int64(exactly: size)
      }
      position += 4 + size
    }
    return nil
  }

  private func skipPrefix() throws(StreamFailure) {
    var skipped = 0
    while try fill(4), word(at: 0) != Self.localHeader, !Self.endings.contains(word(at: 0)) {
      let rest = input.window.dropFirst()
      let next = rest.firstIndex(of: UInt8(ascii: "P")) ?? rest.endIndex
      let count = max(1, next - input.window.startIndex)
      input.advance(count)
      skipped += count
      guard skipped <= budget.limits.prefixBytes else { throw Self.broken("it is no archive") }
    }
  }

  /// Goes to the end of the current member, and of what follows its bytes.
  private func finishMember() throws(StreamFailure) {
    guard let member else { return }
    if member.packedBytes == nil {
      let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
      defer { space.deallocate() }
      while try read(into: space) > 0 {}
    } else {
      while packedLeft > 0 {
        guard try fill(1) else { throw Self.broken("it ends in the middle of a member") }
        let count = Int(min(packedLeft, Int64(input.window.count)))
        input.advance(count)
        packedLeft -= Int64(count)
      }
    }
    self.member = nil
    inflater = nil
    if hasDescriptor { try skipDescriptor() }
  }

  /// The check sum and two sizes, of four or eight bytes each, with or without a signature.
  private func skipDescriptor() throws(StreamFailure) {
    guard try fill(16) else { return input.advance(input.window.count) }
    let begin = word(at: 0) == Self.descriptor ? 4 : 0
    for size in [12, 20] {
      guard try fill(begin + size + 4) else { break }
      let signature = word(at: begin + size)
      if signature == Self.localHeader || Self.endings.contains(signature) { return input.advance(begin + size) }
    }
    throw Self.broken("what follows one of its members cannot be read")
  }

  // MARK: Content

  /// The next unpacked bytes of the current member. 0: its end, or it is packed in a way that is not known.
  func read(into space: UnsafeMutableRawBufferPointer) throws(StreamFailure) -> Int {
    guard let member, member.isStored || member.isDeflated else { return 0 }
    guard member.isDeflated else {
      guard packedLeft > 0 else { return 0 }
      guard try fill(1) else { throw Self.broken("it ends in the middle of a member") }
      let count = min(Int(clamping: packedLeft), space.count, input.window.count)
      space.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.window[..<count]))
      input.advance(count)
      packedLeft -= Int64(count)
      try budget.countUnpacked(count)
      return count
    }
    if inflater == nil { inflater = RawInflater() }
    guard let inflater else { throw Self.broken("there is no memory for unpacking it") }
    while !inflater.hasEnded {
      guard try fill(1) else { throw Self.broken("it ends in the middle of a member") }
      let window = input.window
      let given = member.packedBytes == nil ? window.count : Int(min(packedLeft, Int64(window.count)))
      guard let step = inflater.step(UnsafeMutableRawBufferPointer(rebasing: window[..<given]), space) else {
        throw Self.broken("one of its members cannot be unpacked")
      }
      input.advance(step.consumed)
      if member.packedBytes != nil { packedLeft -= Int64(step.consumed) }
      if step.produced > 0 {
        try budget.countUnpacked(step.produced)
        return step.produced
      }
      guard step.hasEnded || step.consumed > 0 else { throw Self.broken("one of its members cannot be unpacked") }
    }
    return 0
  }

  /// The whole content of the current member; nil when it has more bytes than a document may have.
  func document() throws(StreamFailure) -> [UInt8]? {
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { space.deallocate() }
    var bytes: [UInt8] = []
    while true {
      let count = try read(into: space)
      guard count > 0 else { return bytes }
      guard bytes.count + count <= budget.limits.documentBytes else { return nil }
      bytes.append(contentsOf: space[..<count])
    }
  }

  // MARK: Bytes

  private func fill(_ count: Int) throws(StreamFailure) -> Bool {
    do throws(LayerError) { try input.fill(atLeast: count) } catch { throw .layer(error) }
    return input.window.count >= count
  }

  private func half(at offset: Int) -> UInt16 {
    UInt16(input.window[offset]) | UInt16(input.window[offset + 1]) << 8
  }

  private func word(at offset: Int) -> UInt32 { UInt32(half(at: offset)) | UInt32(half(at: offset + 2)) << 16 }
}

/// The current member of a walk, as a source of its own: for an archive in an archive.
struct ZipMemberSource: ByteSource {
  let walk: ZipWalk
  /// What went wrong in the outer archive, for who made the source: a source can only say that its bytes cannot be read.
  let failure: Failure

  final class Failure {
    var value: StreamFailure?
  }

  mutating func read(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int {
    do throws(StreamFailure) { return try walk.read(into: space) } catch {
      failure.value = error
      throw .broken("the archive around it cannot be read")
    }
  }
}

/// Deflate without a frame.
final class RawInflater {
  private var stream = z_stream()
  private(set) var hasEnded = false

  init?() {
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
  }

  deinit { inflateEnd(&stream) }

  /// Nil: what it is given is not deflated.
  func step(_ input: UnsafeMutableRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> DecodedStep? {
    stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_in = UInt32(clamping: input.count)
    stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_out = UInt32(clamping: output.count)
    let (given, room) = (stream.avail_in, stream.avail_out)
    let status = inflate(&stream, Z_NO_FLUSH)
    guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else { return nil }
    hasEnded = status == Z_STREAM_END
    return DecodedStep(
      consumed: Int(given - stream.avail_in), produced: Int(room - stream.avail_out), hasEnded: hasEnded)
  }
}
