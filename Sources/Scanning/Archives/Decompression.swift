internal import CCompression

/// How the bytes of a layer are packed, as its first bytes tell.
public enum Compression: String, Sendable, Hashable, CaseIterable {
  case none, gzip, zstd, xz, bzip2

  /// So many bytes tell.
  static let magicBytes = 6

  /// - Parameter start: the first bytes, as many as tell where there are so many.
  init(sniffing start: UnsafeRawBufferPointer) {
    func begins(with magic: [UInt8]) -> Bool {
      start.count >= magic.count && start.prefix(magic.count).elementsEqual(magic)
    }
    if begins(with: [0x1F, 0x8B]) {
      self = .gzip
    } else if begins(with: [0x28, 0xB5, 0x2F, 0xFD])
      || (start.count >= 4 && start[1..<4].elementsEqual([0x2A, 0x4D, 0x18]) && start[0] & 0xF0 == 0x50)
    {
      self = .zstd
    } else if begins(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
      self = .xz
    } else if begins(with: [0x42, 0x5A, 0x68]) {
      self = .bzip2
    } else {
      self = .none
    }
  }
}

/// One step of a decoder: how much it has taken and made, and whether a member of the stream has ended.
struct DecodedStep {
  var consumed: Int
  var produced: Int
  var hasEnded: Bool
}

/// Unpacks one member of a compressed stream at a time.
protocol MemberDecoder: AnyObject {
  func step(_ input: UnsafeMutableRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) throws(LayerError)
    -> DecodedStep
  /// Makes ready for the next member.
  func reset() throws(LayerError)
}

/// The unpacked bytes of a source, whatever it is packed with. A stream of several members is read as one.
public struct DecompressedSource: ByteSource {
  private let input: BufferedInput
  private let decoder: (any MemberDecoder)?
  private let limits: ArchiveLimits
  public let compression: Compression
  private var produced: Int64 = 0
  private var isBetweenMembers = true
  private var hasMembers = false

  /// Looks at the first bytes.
  ///
  /// - Throws: ``LayerError/unreadable(_:)``.
  public init(_ source: any ByteSource, limits: ArchiveLimits = ArchiveLimits()) throws(LayerError) {
    input = BufferedInput(source)
    self.limits = limits
    try input.fill(atLeast: Compression.magicBytes)
    compression = Compression(sniffing: UnsafeRawBufferPointer(input.window))
    switch compression {
    case .none: decoder = nil
    case .gzip: decoder = try limits.gzip.decoder()
    case .zstd: decoder = try ZstdDecoder(windowLog: limits.windowLog)
    case .xz: decoder = try XZDecoder(windowLog: limits.windowLog)
    case .bzip2: decoder = try BzipDecoder()
    }
  }

  public mutating func read(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int {
    guard let decoder else { return try readPlain(into: space) }
    while true {
      let hasInput = try input.fill()
      if isBetweenMembers { guard try beginMember(decoder, hasInput) else { return 0 } }
      // Without input, what a decoder has held back still comes.
      let step = try decoder.step(input.window, space)
      input.advance(step.consumed)
      if step.hasEnded { isBetweenMembers = true }
      if step.produced > 0 {
        try count(step.produced)
        return step.produced
      }
      guard hasInput || step.hasEnded else { throw .broken("it is cut off: its compressed bytes end in the middle") }
      guard step.consumed > 0 || step.hasEnded else { throw .broken("its compressed bytes cannot be decoded") }
    }
  }

  private mutating func readPlain(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int {
    guard try input.fill() else { return 0 }
    let count = min(space.count, input.window.count)
    space.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.window[..<count]))
    input.advance(count)
    try self.count(count)
    return count
  }

  /// Answers whether there is another member. Zeros may pad the end, as tapes have it.
  private mutating func beginMember(_ decoder: any MemberDecoder, _ hasInput: Bool) throws(LayerError) -> Bool {
    var isThere = hasInput
    while isThere, hasMembers, input.window.first == 0 {
      input.advance(input.window.prefix { $0 == 0 }.count)
      isThere = try input.fill()
    }
    guard isThere else { return false }
    if hasMembers {
      try input.fill(atLeast: Compression.magicBytes)
      guard Compression(sniffing: UnsafeRawBufferPointer(input.window)) == compression else {
        throw .broken("bytes that are no \(compression.rawValue) follow its \(compression.rawValue) stream")
      }
      try decoder.reset()
    }
    hasMembers = true
    isBetweenMembers = false
    return true
  }

  private mutating func count(_ bytes: Int) throws(LayerError) {
    produced += Int64(bytes)
    guard produced <= limits.uncompressedBytes else {
      throw .limit("it unpacks to more than \(limits.uncompressedBytes) bytes")
    }
    let floor = compression == .zstd ? limits.denseRatioFloorBytes : limits.ratioFloorBytes
    guard produced > floor, decoder != nil else { return }
    // What waits in the window counts too: it has been fetched.
    guard produced / max(input.consumedBytes, 1) <= limits.ratio else {
      throw .limit("it unpacks to more than \(limits.ratio) times its size")
    }
  }
}
