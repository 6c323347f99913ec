internal import Ground
internal import NIOCore
internal import OCI

/// One request's work on an upload: makes parts of what comes, sends one while the next arrives, and records how far it got.
///
/// What the object store has acknowledged is recorded part by part, so a process that dies loses the last parts only, and the
/// client goes on from what the ledger says.
struct S3UploadWriter {
  private let store: S3BlobStore
  private let claim: UploadClaim
  /// As it is recorded, or is about to be.
  private var record: UploadRecord
  private var hasher: ContentHasher?
  private var assembler: PartAssembler
  private var roomBytes = 0
  private var flight: Flight?
  /// An object that holds what the next part begins with; of no use once that is recorded.
  private var replacedPlace: String?

  init(
    store: S3BlobStore, upload: UploadID, claim: UploadClaim, found: UploadRecord?, algorithm: Digest.Algorithm
  ) {
    self.store = store
    self.claim = claim
    record = found ?? UploadRecord(upload: upload, place: "")
    hasher = found == nil ? ContentHasher(algorithm) : ContentHasher(restoring: record.hash)
    assembler = PartAssembler(partBytes: Self.partBytes(after: record.parts.count))
  }

  /// Parts grow with their number, so that the number that an object may have is enough for 400 GB.
  private static func partBytes(after count: Int) -> Int { S3BlobStore.leastPartBytes * (1 + count / 1000) }

  /// A part that is on its way while the next arrives.
  private struct Flight {
    let hash: [UInt8]
    let roomBytes: Int
  }
  private typealias Flights = ThrowingTaskGroup<UploadRecord.Part, any Error>

  /// Takes a stream in. Answers where the upload ends then.
  ///
  /// - Parameter isLast: nothing comes after it, so what is left need not wait for more.
  mutating func receive<Source: AsyncSequence & Sendable>(
    _ source: Source, isLast: Bool, limit: Int64
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    try await withThrowingTaskGroup(of: UploadRecord.Part.self) { flights in
      try await receive(source, isLast: isLast, limit: limit, &flights)
    }
  }

  private mutating func receive<Source: AsyncSequence & Sendable>(
    _ source: Source, isLast: Bool, limit: Int64, _ flights: inout Flights
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    try await beginWithWhatIsHeld()
    var received = record.offset
    var interruption: (any Error)?
    var iterator = source.makeAsyncIterator()
    while true {
      let chunk: ByteBuffer
      do {
        guard let next = try await iterator.next() else { break }
        chunk = next
      } catch {
        interruption = error
        break
      }
      guard Int64(chunk.readableBytes) <= limit - received else {
        interruption = StorageError.tooLarge(limit: limit)
        break
      }
      received += Int64(chunk.readableBytes)
      try await makeRoom(for: chunk)
      assembler.add(chunk)
      while let part = assembler.nextPart() { try await send(part, &flights) }
    }
    try await land(&flights)
    try await end(isLast: isLast && interruption == nil, &flights)
    if let interruption { throw interruption }
    return record.offset
  }

  /// What was too little for a part comes first; or all of an object that was to be everything, whose publication failed.
  private mutating func beginWithWhatIsHeld() async throws {
    var held = ByteBuffer(bytes: record.pending)
    if record.isWholeObject {
      let size = record.offset
      if size > 0 {
        for try await chunk in try await store.objects.get(record.place, ByteRange(first: 0, last: size - 1)) {
          try await makeRoom(for: chunk)
          assembler.add(chunk)
        }
      }
      replacedPlace = record.place
      record.place = ""
      record.isWholeObject = false
      record.hash = []
      hasher = hasher.map { ContentHasher($0.algorithm) }
      held = ByteBuffer()
    }
    record.pending = []
    guard held.readableBytes > 0 else { return }
    try await makeRoom(for: held)
    assembler.add(held)
  }

  /// A stream that is longer than what everybody may hold waits for room, once.
  private mutating func makeRoom(for chunk: ByteBuffer) async throws {
    guard roomBytes == 0, assembler.heldBytes + chunk.readableBytes > S3BlobStore.freeBufferBytes else { return }
    let wanted = min(S3BlobStore.roomBytes(partBytes: assembler.partBytes), store.budget.limitBytes)
    try await store.budget.take(wanted)
    roomBytes = wanted
  }

  mutating func giveRoomBack() {
    let taken = roomBytes + (flight?.roomBytes ?? 0)
    if taken > 0 { store.budget.give(taken) }
    roomBytes = 0
    flight = nil
  }

  /// Sends a part, after the one before. It travels while the next arrives, where there is room for both.
  private mutating func send(_ bytes: ByteBuffer, _ flights: inout Flights) async throws {
    try await land(&flights)
    guard record.parts.count < S3BlobStore.partLimit else {
      throw StorageError.tooLarge(limit: record.parts.reduce(0) { $0 + $1.sizeBytes })
    }
    let upload = try await multipart()
    bytes.withUnsafeReadableBytes { hasher?.update($0) }
    let number = record.parts.count + 1
    let room = store.budget.takeAtOnce(bytes.readableBytes) ? bytes.readableBytes : 0
    flight = Flight(hash: hasher?.snapshot() ?? record.hash, roomBytes: room)
    let objects = store.objects
    let place = record.place
    flights.addTask {
      let tag = try await objects.putPart(bytes, number, of: place, upload: upload)
      return .init(number: number, entityTag: tag, sizeBytes: Int64(bytes.readableBytes))
    }
    if room == 0 { try await land(&flights) }
  }

  /// Waits for the part that is on its way, and records it.
  private mutating func land(_ flights: inout Flights) async throws {
    guard let flight else { return }
    guard let part = try await flights.next() else { return }
    if flight.roomBytes > 0 { store.budget.give(flight.roomBytes) }
    self.flight = nil
    record.parts.append(part)
    record.hash = flight.hash
    try await save(releasing: false)
    assembler.partBytes = Self.partBytes(after: record.parts.count)
  }

  private mutating func multipart() async throws -> String {
    if let known = record.multipart { return known }
    record.place = try await store.freshPlace()
    let upload = try await store.objects.beginParts(of: record.place)
    record.multipart = upload
    return upload
  }

  private mutating func save(releasing: Bool) async throws {
    record.offset = record.parts.reduce(0) { $0 + $1.sizeBytes } + Int64(record.pending.count)
    try await commit(releasing: releasing)
  }

  private mutating func commit(releasing: Bool) async throws {
    try await store.ledger.save(record, claim, releasing: releasing)
    if let replacedPlace { try? await store.objects.remove([replacedPlace]) }
    replacedPlace = nil
  }

  /// Stores what is left: as an object when nothing comes after it, as a part when it is enough for one, else in the ledger.
  ///
  /// An object store takes a small part only as the last one and appends to nothing: what is too little for a part and was sent
  /// to it now would have to be sent again with what comes after it (docs/decisions/0012).
  private mutating func end(isLast: Bool, _ flights: inout Flights) async throws {
    let rest = assembler.rest()
    if record.multipart == nil, isLast { return try await storeWhole(rest) }
    if rest.readableBytes >= UploadRecord.pendingLimitBytes {
      try await send(rest, &flights)
      try await land(&flights)
    } else {
      if record.place.isEmpty { record.place = try await store.freshPlace() }
      if record.hash.isEmpty, let hasher { record.hash = hasher.snapshot() }
      record.pending = Array(buffer: rest)
    }
    try await save(releasing: true)
  }

  /// The digest is known already and comes next: nothing is left to do for it then.
  private mutating func storeWhole(_ bytes: ByteBuffer) async throws {
    record.place = try await store.freshPlace()
    try await store.objects.put(bytes, to: record.place, sha256: nil)
    bytes.withUnsafeReadableBytes { hasher?.update($0) }
    if let hasher { record.hash = hasher.snapshot() }
    record.isWholeObject = true
    record.offset = Int64(bytes.readableBytes)
    try await commit(releasing: true)
  }
}
