public import OCI

// What is kept in the database that a registry moves to, until the move has ended: which blobs are there already, so that an
// interrupted move goes on.

extension Transaction {
  /// Marks the database as one that a registry is being moved to.
  ///
  /// - Returns: the mark that is there: another one when a move from elsewhere was begun before.
  public func beginMove(from source: [UInt8]) throws -> [UInt8] {
    try execute(
      "CREATE TABLE IF NOT EXISTS moved_blob (digest {TEXT} NOT NULL PRIMARY KEY, place {TEXT})")
    return try keepsake(Keepsake.moveFrom, makingWith: source)
  }

  public func recordMoved(_ digest: Digest, place: String?) throws {
    try enqueue(
      """
      INSERT INTO moved_blob (digest, place) VALUES (\(digest), \(place))
      ON CONFLICT (digest) DO UPDATE SET place = excluded.place
      """)
  }

  /// The move is over: what was moved can be served.
  public func endMove() throws {
    try execute("DROP TABLE IF EXISTS moved_blob")
    try execute("DELETE FROM keepsake WHERE name = \(Keepsake.moveFrom)")
  }
}

extension Reading where Self: ~Copyable {
  /// Where those of `digests` lie that were moved already.
  public func movedPlaces(_ digests: [String]) throws -> [String: String?] {
    let list = JSONValue.array(digests.map { .string($0) }).text
    let rows = try all(
      """
      SELECT digest, place FROM moved_blob WHERE digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      """
    ) { ($0.text(0), $0.optionalText(1)) }
    return Dictionary(rows) { $1 }
  }
}
