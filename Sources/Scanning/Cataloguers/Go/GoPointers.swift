/// The version of Go in programs of Go before 1.18. Their header does not hold it, but points to a text of Go, which is an address
/// with a length.
///
/// A program is not held, and of the three the bytes of the text come first, but its address before or behind the header, as the
/// linker liked. So all bytes that could be the version are kept with their address, then every place that points to some of them;
/// at the end it is known which place was meant.
///
/// Source: Go's package `debug/buildinfo`; System V ABI, "ELF Header", "Program Header".
struct GoPointers {
  /// A part of the file that is loaded.
  private struct Segment {
    let offset: UInt64
    let address: UInt64
    let size: UInt64
    let isWritable: Bool
  }

  /// Real programs have some ten segments.
  private static let segmentLimit = 64
  /// Real programs have some ten texts that begin as a version does, and as many places that point to them.
  private static let textLimit = 4096
  private static let placeLimit = 4096
  private static let headerLimit = 16
  /// `go1.16.15 X:boringcrypto` has less. No more of a text is kept, and the window reaches as far behind its end.
  private static let textBytes = 64
  /// Of variables, which places are looked for in. The largest programs have some megabytes.
  private static let variablesLimitBytes = 64 << 20
  /// How every version of these years begins, but those of developers, which no advisory names.
  private static let textStart = Array("go1.".utf8)

  private let wordBytes: Int
  private let isBigEndian: Bool
  private let segments: [Segment]
  private var texts: [UInt64: [UInt8]] = [:]
  /// The addresses of the texts are in it.
  private var textAddresses: ClosedRange<UInt64>?
  private var places: [UInt64: String] = [:]
  /// What headers point to.
  private var wanted: [UInt64] = []
  private var lookedAtBytes = 0

  /// - Parameter start: of the program. Nil: it is no ELF, or its segments are not told there.
  init?(_ start: UnsafeRawBufferPointer) {
    guard start.count >= 64, start.prefix(4).elementsEqual([0x7F, 0x45, 0x4C, 0x46]) else { return nil }
    guard start[4] == 1 || start[4] == 2, start[5] == 1 || start[5] == 2 else { return nil }
    let is64 = start[4] == 2
    let wordBytes = is64 ? 8 : 4
    let isBigEndian = start[5] == 2
    let reader = Words(start, isBigEndian)
    let table = reader.word(at: is64 ? 32 : 28, wordBytes)
    let entryBytes = Int(reader.word(at: is64 ? 54 : 42, 2))
    let count = Int(reader.word(at: is64 ? 56 : 44, 2))
    guard entryBytes >= (is64 ? 56 : 32), count <= Self.segmentLimit, table <= UInt64(start.count),
      count * entryBytes <= start.count - Int(table)
    else { return nil }
    var segments: [Segment] = []
    for index in 0..<count {
      let entry = Int(table) + index * entryBytes
      func field(_ at64: Int, _ at32: Int) -> UInt64 { reader.word(at: entry + (is64 ? at64 : at32), wordBytes) }
      let segment = Segment(
        offset: field(8, 4), address: field(16, 8), size: field(32, 16),
        isWritable: reader.word(at: entry + (is64 ? 4 : 24), 4) & 2 != 0)
      // PT_LOAD. What does not fit into the space of addresses is none.
      guard reader.word(at: entry, 4) == 1, segment.offset <= UInt64(Int64.max), segment.size <= UInt64(Int64.max),
        !segment.address.addingReportingOverflow(segment.size).overflow
      else { continue }
      segments.append(segment)
    }
    guard !segments.isEmpty else { return nil }
    (self.wordBytes, self.isBigEndian, self.segments) = (wordBytes, isBigEndian, segments)
  }

  /// What the header points to at the end of all; nil: it points to no version.
  var version: String? { wanted.lazy.compactMap { places[$0] }.first }

  /// Takes a header that has no texts.
  mutating func take(headerAt position: Int, in window: UnsafeRawBufferPointer) {
    guard wanted.count < Self.headerLimit, position + 16 + wordBytes <= window.count,
      Int(window[position + 14]) == wordBytes, window[position + 15] == (isBigEndian ? 1 : 0)
    else { return }
    let address = Words(window, isBigEndian).word(at: position + 16, wordBytes)
    if !wanted.contains(address) { wanted.append(address) }
  }

  /// Takes what begins in a window before `end`.
  ///
  /// - Parameter offset: of the window, in the file.
  mutating func look(in window: UnsafeRawBufferPointer, before end: Int, at offset: Int64) {
    takeTexts(window, end, UInt64(offset))
    takePlaces(window, end, UInt64(offset))
  }

  private mutating func takeTexts(_ window: UnsafeRawBufferPointer, _ end: Int, _ offset: UInt64) {
    var from = 0
    while from < end, texts.count < Self.textLimit {
      let rest = UnsafeRawBufferPointer(rebasing: window[from...])
      guard let found = rest.position(of: Self.textStart), from + found < end else { return }
      let position = from + found
      from = position + 1
      let place = offset + UInt64(position)
      guard let segment = segments.first(where: { $0.offset <= place && place - $0.offset < $0.size }) else { continue }
      let address = segment.address + (place - segment.offset)
      texts[address] = Array(window[position..<min(position + Self.textBytes, window.count)])
      let known = textAddresses ?? address...address
      textAddresses = min(known.lowerBound, address)...max(known.upperBound, address)
    }
  }

  private mutating func takePlaces(_ window: UnsafeRawBufferPointer, _ end: Int, _ offset: UInt64) {
    guard let textAddresses else { return }
    let words = Words(window, isBigEndian)
    for segment in segments where segment.isWritable {
      let first = max(segment.offset, offset)
      let last = min(segment.offset + segment.size, offset + UInt64(end))
      guard first < last, lookedAtBytes <= Self.variablesLimitBytes else { continue }
      lookedAtBytes += Int(last - first)
      // What is unaligned is no variable.
      let unaligned = Int((segment.address + (first - segment.offset)) % UInt64(wordBytes))
      var position = Int(first - offset) + (unaligned == 0 ? 0 : wordBytes - unaligned)
      while position < Int(last - offset), position + 2 * wordBytes <= window.count {
        let address = words.word(at: position, wordBytes)
        if textAddresses.contains(address), places.count < Self.placeLimit,
          let text = text(at: address, words.word(at: position + wordBytes, wordBytes))
        {
          places[segment.address + (offset + UInt64(position) - segment.offset)] = text
        }
        position += wordBytes
      }
    }
  }

  private func text(at address: UInt64, _ length: UInt64) -> String? {
    guard let bytes = texts[address], length > UInt64(Self.textStart.count), length <= UInt64(bytes.count) else {
      return nil
    }
    let text = bytes.prefix(Int(length))
    return text.allSatisfy { (0x20...0x7E).contains($0) } ? String(decoding: text, as: UTF8.self) : nil
  }

  /// Numbers of a program, in its order of bytes.
  private struct Words {
    private let bytes: UnsafeRawBufferPointer
    private let isBigEndian: Bool

    init(_ bytes: UnsafeRawBufferPointer, _ isBigEndian: Bool) {
      self.bytes = bytes
      self.isBigEndian = isBigEndian
    }

    /// - Parameter count: 2, 4 or 8 bytes, which are all there.
    func word(at position: Int, _ count: Int) -> UInt64 {
      switch count {
      case 2: UInt64(number(position, UInt16.self))
      case 4: UInt64(number(position, UInt32.self))
      default: number(position, UInt64.self)
      }
    }

    private func number<N: FixedWidthInteger & BitwiseCopyable>(_ position: Int, _: N.Type) -> N {
      let number = bytes.loadUnaligned(fromByteOffset: position, as: N.self)
      return isBigEndian ? N(bigEndian: number) : N(littleEndian: number)
    }
  }
}
