internal import CLinux

/// Reads what compilers write into programs of the modules they are made of: Go's build information, and what cargo-auditable
/// adds to programs of Rust.
///
/// A program is looked through as it comes and never held. Both records are known by their first bytes, so that neither the tables
/// of ELF, PE and Mach-O are needed nor what a stripped program lacks of them; but for the version of Go in programs that are older
/// than 1.18.
struct ProgramCataloguer: StreamCataloguer {
  let name = "program"
  let revision = 3

  /// ELF, PE, Mach-O of 64 and 32 bits in either byte order, and several of those in one file.
  private static let starts: [[UInt8]] = [
    [0x7F, 0x45, 0x4C, 0x46], [0x4D, 0x5A], [0xCF, 0xFA, 0xED, 0xFE], [0xCE, 0xFA, 0xED, 0xFE],
    [0xFE, 0xED, 0xFA, 0xCF], [0xFE, 0xED, 0xFA, 0xCE], [0xCA, 0xFE, 0xBA, 0xBE],
  ]
  /// No program with a record is smaller.
  private static let leastBytes: Int64 = 512

  func wants(_ file: Candidate) -> Bool {
    file.size >= Self.leastBytes && Self.starts.contains { file.start.starts(with: $0) }
  }

  func artefact(
    in path: String, _ content: any ByteSource, gaps: inout [String]
  ) throws(StreamFailure) -> Artefact? {
    var search = ProgramSearch(content)
    let components = try search.components()
    return components.isEmpty ? nil : Artefact(path: path, cataloguer: name, components: components)
  }
}

/// One pass over a program.
struct ProgramSearch {
  private let input: BufferedInput
  /// Where in the file the window begins.
  private var offset: Int64 = 0
  private var build = GoBuild()
  private var audit = RustAudit()
  private var pointers: GoPointers?

  /// What is looked at together; enough for the start of any record.
  private static let windowBytes = 64 << 10
  /// What is left for the next window, so that no record's start is cut in two.
  private static let overlapBytes = RustAudit.probeBytes + 2
  /// Of a record of modules. Those of the largest programs have some tens of kilobytes.
  static let recordLimitBytes = 8 << 20

  init(_ content: any ByteSource) { input = BufferedInput(content) }

  mutating func components() throws(StreamFailure) -> [Component] {
    try fill(Self.windowBytes)
    pointers = GoPointers(UnsafeRawBufferPointer(input.window))
    while true {
      try fill(Self.windowBytes)
      let window = UnsafeRawBufferPointer(input.window)
      guard !window.isEmpty else { break }
      let isLast = window.count < Self.windowBytes
      if try takeRecord(window, isLast: isLast) { continue }
      pass(isLast ? window.count : window.count - Self.overlapBytes, of: window)
    }
    if !build.hasVersion, let version = pointers?.version { build.version = version }
    return build.components + audit.components
  }

  /// Takes the first record that begins in the window, and what is before it. Answers false when none does.
  private mutating func takeRecord(_ window: UnsafeRawBufferPointer, isLast: Bool) throws(StreamFailure) -> Bool {
    let end = isLast ? window.count : window.count - Self.overlapBytes
    var starts: [(position: Int, kind: Kind)] = []
    if !build.hasVersion {
      let header = GoBuild.header(in: window, at: offset, before: end) { pointers?.take(headerAt: $0, in: window) }
      if let header { starts.append((header, .goHeader)) }
    }
    if !build.hasRecord, let position = GoBuild.record(in: window, before: end) { starts.append((position, .goRecord)) }
    if !audit.isKnown, let position = audit.start(in: window, before: end) { starts.append((position, .rust)) }
    guard let first = starts.min(by: { $0.position < $1.position }) else { return false }
    pass(first.position, of: window)
    switch first.kind {
    case .goHeader:
      advance(GoBuild.headerBytes)
      let version = try text()
      if version.first == UInt8(ascii: "g") || version.first == UInt8(ascii: "d") {
        build.version = String(decoding: version, as: UTF8.self)
        build.take(record: try text())
      }
    case .goRecord:
      build.take(record: try bytes(until: GoBuild.recordEnd))
    case .rust:
      audit.take(try inflated())
    }
    return true
  }

  private enum Kind { case goHeader, goRecord, rust }

  // MARK: Bytes

  private func fill(_ count: Int) throws(StreamFailure) {
    do throws(LayerError) { try input.fill(atLeast: count) } catch { throw .layer(error) }
  }

  /// Goes on behind so much of the window, in which no record begins.
  private mutating func pass(_ count: Int, of window: UnsafeRawBufferPointer) {
    if !build.hasVersion { pointers?.look(in: window, before: count, at: offset) }
    advance(count)
  }

  private mutating func advance(_ count: Int) {
    input.advance(count)
    offset += Int64(count)
  }

  /// A text of Go: its length as a varint, and its bytes; empty for what is none.
  private mutating func text() throws(StreamFailure) -> [UInt8] {
    try fill(10)
    var length = 0
    var shift = 0
    for (index, byte) in input.window.prefix(10).enumerated() {
      length |= Int(byte & 0x7F) << shift
      shift += 7
      guard byte & 0x80 == 0 else { if index == 4 { return [] } else { continue } }
      guard length <= Self.recordLimitBytes else { return [] }
      advance(index + 1)
      return try taken(length)
    }
    return []
  }

  /// So many bytes, or as many as there are.
  private mutating func taken(_ length: Int) throws(StreamFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < length {
      try fill(1)
      let window = input.window.prefix(length - bytes.count)
      guard !window.isEmpty else { break }
      bytes.append(contentsOf: window)
      advance(window.count)
    }
    return bytes
  }

  /// Everything up to and with an ending; what there is when it does not come within the limit of a record.
  private mutating func bytes(until ending: [UInt8]) throws(StreamFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < Self.recordLimitBytes {
      try fill(Self.windowBytes)
      let window = UnsafeRawBufferPointer(input.window)
      guard !window.isEmpty else { break }
      if let position = window.position(of: ending) {
        bytes.append(contentsOf: window[..<(position + ending.count)])
        advance(position + ending.count)
        break
      }
      let count = window.count < Self.windowBytes ? window.count : window.count - ending.count
      bytes.append(contentsOf: window[..<count])
      advance(count)
    }
    return bytes
  }

  /// What a zlib stream unpacks to; empty when it is broken or more than a record has.
  private mutating func inflated() throws(StreamFailure) -> [UInt8] {
    // Its header has two bytes; the check sum at its end is left out.
    advance(2)
    guard let inflater = RawInflater() else { return [] }
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { space.deallocate() }
    var bytes: [UInt8] = []
    while !inflater.hasEnded, bytes.count <= Self.recordLimitBytes {
      try fill(1)
      guard !input.window.isEmpty, let step = inflater.step(input.window, space),
        step.consumed > 0 || step.produced > 0 || step.hasEnded
      else { return [] }
      advance(step.consumed)
      bytes.append(contentsOf: space[..<step.produced])
    }
    return bytes.count <= Self.recordLimitBytes ? bytes : []
  }
}

extension UnsafeRawBufferPointer {
  /// Where `needle` begins for the first time.
  func position(of needle: [UInt8]) -> Int? {
    guard let base = baseAddress, !needle.isEmpty, count >= needle.count,
      let found = berth_find(base, count, needle, needle.count)
    else { return nil }
    return found - base
  }
}
