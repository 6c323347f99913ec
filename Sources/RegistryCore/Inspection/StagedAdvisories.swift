internal import Ground
internal import Metadata
public import Scanning

/// Advisories that were read and wait on disk, as they will be stored: before the first of them counts, all could be read, and none
/// is read twice. In memory is one at a time, and the name and the place of each.
public final class StagedAdvisories {
  private static let pieceBytes = 256 << 10

  fileprivate struct Place {
    let name: String
    let position: Int64
    let size: Int
  }

  private let spool: Spool
  /// Records that are not written yet, one after the other.
  private var writer = RecordWriter()
  private var places: [Place] = []
  private var isSorted = true
  public var count: Int { places.count }

  /// - Parameter folder: on whose disk they lie; nil: the system's for temporary files.
  /// - Throws: ``Spool/Failure``.
  public init(in folder: String? = nil) throws { spool = try Spool(in: folder) }

  /// - Throws: ``Spool/Failure``.
  public func add(_ advisory: Advisory) throws {
    let record = AdvisoryRecord(advisory)
    let begin = writer.bytes.count
    record.encode(into: &writer)
    if let last = places.last, last.name > record.name { isSorted = false }
    places.append(
      Place(name: record.name, position: spool.sizeBytes + Int64(begin), size: writer.bytes.count - begin))
    if writer.bytes.count >= Self.pieceBytes { try flush() }
  }

  private func flush() throws {
    try writer.bytes.withUnsafeBytes { try spool.append($0) }
    writer.clear()
  }

  /// All of them in the order of their names; of several with one name, the one that was added first comes first.
  ///
  /// In that order they lie in the database's tables: what is written together lies together, whatever order the feed has.
  func records() throws -> Records {
    try flush()
    if !isSorted {
      places.sort { ($0.name, $0.position) < ($1.name, $1.position) }
      isSorted = true
    }
    return Records(spool, places[...])
  }

  struct Records {
    private let spool: Spool
    private var places: ArraySlice<Place>

    fileprivate init(_ spool: Spool, _ places: ArraySlice<Place>) {
      self.spool = spool
      self.places = places
    }

    /// The next; nil: there is none.
    mutating func next() throws -> StagedAdvisory? {
      guard let place = places.popFirst() else { return nil }
      let bytes = try [UInt8](unsafeUninitializedCapacity: place.size) { space, count in
        while count < place.size {
          let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(space)[count..<place.size])
          let read = try spool.read(at: place.position + Int64(count), into: rest)
          guard read > 0 else { throw RecordError() }
          count += read
        }
      }
      return try StagedAdvisory(decoding: bytes)
    }
  }
}
