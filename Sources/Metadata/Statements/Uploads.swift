public import Ground

/// What the database keeps of an upload to an object store.
public struct UploadRow: Sendable, Equatable {
  public struct Part: Sendable, Equatable {
    public let number: Int
    public let entityTag: String
    public let sizeBytes: Int64

    public init(number: Int, entityTag: String, sizeBytes: Int64) {
      self.number = number
      self.entityTag = entityTag
      self.sizeBytes = sizeBytes
    }
  }

  public let id: String
  /// Empty before the first byte.
  public let place: String
  public let multipart: String?
  public let isWhole: Bool
  public let sizeBytes: Int64
  public let pending: [UInt8]
  public let hash: [UInt8]
  public let parts: [Part]

  public init(
    id: String, place: String, multipart: String?, isWhole: Bool, sizeBytes: Int64, pending: [UInt8], hash: [UInt8],
    parts: [Part]
  ) {
    self.id = id
    self.place = place
    self.multipart = multipart
    self.isWhole = isWhole
    self.sizeBytes = sizeBytes
    self.pending = pending
    self.hash = hash
    self.parts = parts
  }
}

public enum UploadClaimOutcome: Sendable {
  /// Claimed; with what is recorded, nil when that is nothing.
  case claimed(UploadRow?)
  /// Somebody else's claim has not run out.
  case busy
  /// It is over.
  case ended
}

/// What came of ending an upload.
public enum UploadEnding: Sendable, Equatable {
  case ended
  /// It was over already: by another, who may have recorded its bytes as a blob, or by the same whose answer was lost.
  case endedBefore
  case claimLost
}

extension Reading where Self: ~Copyable {
  /// An upload that holds something.
  public func upload(_ id: String) throws -> UploadRow? {
    let row = try later(
      "SELECT place, multipart, is_whole, size, pending, hash FROM upload WHERE id = \(id) AND place <> ''"
    ) {
      UploadRow(
        id: id, place: $0.text(0), multipart: $0.optionalText(1), isWhole: $0.integer(2) == 1, sizeBytes: $0.integer(3),
        pending: $0.bytes(4), hash: $0.bytes(5), parts: [])
    }
    let parts = try later("SELECT number, entity_tag, size FROM upload_part WHERE upload_id = \(id) ORDER BY number") {
      UploadRow.Part(number: Int($0.integer(0)), entityTag: $0.text(1), sizeBytes: $0.integer(2))
    }
    guard let row = try row.first() else { return nil }
    return UploadRow(
      id: id, place: row.place, multipart: row.multipart, isWhole: row.isWhole, sizeBytes: row.sizeBytes,
      pending: row.pending, hash: row.hash, parts: try parts.all())
  }

  /// How many bytes an upload holds; nil for none.
  public func sizeBytes(ofUpload id: String) throws -> Int64? {
    try first("SELECT size FROM upload WHERE id = \(id) AND place <> ''") { $0.integer(0) }
  }

  /// Whether an upload is over, as far as is remembered.
  public func hasEnded(upload id: String) throws -> Bool { try endedUpload(id).first() ?? false }

  fileprivate func endedUpload(_ id: String) throws -> Later<Bool> {
    try later("SELECT 1 FROM ended_upload WHERE id = \(id)") { _ in true }
  }

  /// Every upload that holds something.
  public func uploadIDs() throws -> [String] { try all("SELECT id FROM upload WHERE place <> ''") { $0.text(0) } }

  public func uploadCount() throws -> Int { Int(try number("SELECT COUNT(*) FROM upload WHERE place <> ''")) }

  /// Uploads that nobody has gone on with since `moment`, those longest ago first.
  public func uploads(untouchedSince moment: Timestamp, limit: Int) throws -> [String] {
    try all("SELECT id FROM upload WHERE touched_at <= \(moment) ORDER BY touched_at LIMIT \(limit)") { $0.text(0) }
  }

  /// When an upload was last gone on with; nil for one that holds nothing.
  public func lastTouched(upload id: String) throws -> Timestamp? {
    try first("SELECT touched_at FROM upload WHERE id = \(id) AND place <> ''") { $0.timestamp(0) }
  }
}

extension Transaction {
  /// Claims an upload until `until`, also one that is not recorded yet: of two who begin it at once, one is busy. Run again
  /// because the answer to its commit was lost, it finds its own claim.
  public func claimUpload(_ id: String, token: String, until: Timestamp) throws -> UploadClaimOutcome {
    try enqueue(
      """
      INSERT INTO upload (id, place, is_whole, size, pending, hash, claimed_until, touched_at, created_at)
      SELECT \(id), '', 0, 0, \([UInt8]()), \([UInt8]()), 0, \(now), \(now)
      WHERE NOT EXISTS (SELECT 1 FROM ended_upload WHERE id = \(id))
      ON CONFLICT (id) DO NOTHING
      """)
    let claimed = try later(
      """
      UPDATE upload SET claim = \(token), claimed_until = \(until), touched_at = \(now)
      WHERE id = \(id) AND (claim IS NULL OR claimed_until <= \(now) OR claim = \(token))
      """)
    let ended = try endedUpload(id)
    let row = try upload(id)
    if try ended.first() ?? false {
      // It ended while this waited for its row.
      try releaseUpload(id, token: token)
      return .ended
    }
    return try claimed.count() == 1 ? .claimed(row) : .busy
  }

  /// Holds a claim for longer, unless it was lost. Never shortens it: a renewal may reach the database after those that came
  /// after it, when the answer to it was lost.
  public func renewUpload(_ id: String, token: String, until: Timestamp) throws {
    try enqueue(
      """
      UPDATE upload SET claimed_until = \(until), touched_at = \(now)
      WHERE id = \(id) AND claim = \(token) AND claimed_until > \(now) AND claimed_until < \(until)
      """)
  }

  /// Records how far an upload has got, and renews its claim. Parts that are recorded already stay as they are.
  ///
  /// A claim that has run out cannot record anything, even when nobody else has claimed since: what it would name may have
  /// been taken for garbage. One that was given back with this very record has recorded it: the answer to that was lost.
  /// - Returns: false when the claim was lost; then the caller throws, so that nothing remains.
  public func saveUpload(_ row: UploadRow, token: String, until: Timestamp) throws -> Bool {
    let saved = try later(
      """
      UPDATE upload SET place = \(row.place), multipart = \(row.multipart), is_whole = \(row.isWhole),
        size = \(row.sizeBytes), pending = \(row.pending), hash = \(row.hash), claimed_until = \(until),
        touched_at = \(now)
      WHERE id = \(row.id) AND claim = \(token)
        AND (claimed_until > \(now) OR (claimed_until = \(until) AND size = \(row.sizeBytes) AND place = \(row.place)))
      """)
    if row.parts.isEmpty { try enqueue("DELETE FROM upload_part WHERE upload_id = \(row.id)") }
    let known = row.parts.isEmpty ? 0 : try knownParts(of: row.id)
    for part in row.parts where part.number > known {
      try enqueue(
        """
        INSERT INTO upload_part (upload_id, number, entity_tag, size)
        VALUES (\(row.id), \(part.number), \(part.entityTag), \(part.sizeBytes))
        ON CONFLICT (upload_id, number) DO NOTHING
        """)
    }
    return try saved.count() == 1
  }

  private func knownParts(of upload: String) throws -> Int64 {
    try number("SELECT COALESCE(MAX(number), 0) FROM upload_part WHERE upload_id = \(upload)")
  }

  /// Gives a claim back. An upload that holds nothing is forgotten.
  public func releaseUpload(_ id: String, token: String) throws {
    try enqueue("DELETE FROM upload WHERE id = \(id) AND claim = \(token) AND place = ''")
    try enqueue("UPDATE upload SET claim = NULL, claimed_until = 0 WHERE id = \(id) AND claim = \(token)")
  }

  /// Ends an upload that `token` holds. Run again because the answer to its commit was lost, it finds the upload ended.
  public func deleteUpload(_ id: String, token: String) throws -> UploadEnding {
    // Locked first: the parts refer to it.
    let mine = try first("SELECT 1 FROM upload WHERE id = \(id) AND claim = \(token) {LOCK}") { _ in true }
    guard mine == true else { return try hasEnded(upload: id) ? .endedBefore : .claimLost }
    try delete(id)
    return .ended
  }

  /// Ends an upload whose bytes are whole at a place and that nobody is at work on. Answers false when there is none, somebody is,
  /// or the bytes are elsewhere: a request that came after it was published has taken them along.
  public func deleteUnclaimedUpload(_ id: String, at place: String) throws -> Bool {
    let isFree = try first(
      """
      SELECT 1 FROM upload WHERE id = \(id) AND place = \(place) AND (claim IS NULL OR claimed_until <= \(now)) {LOCK}
      """
    ) { _ in true }
    guard isFree == true else { return false }
    try delete(id)
    return true
  }

  private func delete(_ id: String) throws {
    try enqueue("DELETE FROM upload_part WHERE upload_id = \(id)")
    try enqueue("DELETE FROM upload WHERE id = \(id)")
    try endUpload(id)
  }

  /// Remembers that an upload is over, also one that never held anything.
  public func endUpload(_ id: String) throws {
    try enqueue("INSERT INTO ended_upload (id, ended_at) VALUES (\(id), \(now)) ON CONFLICT (id) DO NOTHING")
  }

  /// Forgets uploads that were over before `moment`, at most `limit`. Answers how many.
  public func forgetEndedUploads(before moment: Timestamp, limit: Int) throws -> Int {
    try execute(
      """
      DELETE FROM ended_upload
      WHERE id IN (SELECT id FROM ended_upload WHERE ended_at < \(moment) ORDER BY ended_at LIMIT \(limit))
      """)
  }
}
