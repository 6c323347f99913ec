extension Reading where Self: ~Copyable {
  /// A value that the installation keeps under a name.
  public func keepsake(_ name: String) throws -> [UInt8]? {
    try first("SELECT value FROM keepsake WHERE name = \(name)") { $0.bytes(0) }
  }
}

extension Transaction {
  public func setKeepsake(_ name: String, _ value: [UInt8]) throws {
    try execute(
      """
      INSERT INTO keepsake (name, value) VALUES (\(name), \(value))
      ON CONFLICT (name) DO UPDATE SET value = excluded.value
      """)
  }

  /// The value under `name`; `fallback` becomes it when there is none yet.
  public func keepsake(_ name: String, makingWith fallback: [UInt8]) throws -> [UInt8] {
    try enqueue("INSERT INTO keepsake (name, value) VALUES (\(name), \(fallback)) ON CONFLICT (name) DO NOTHING")
    guard let kept = try keepsake(name) else { throw DatabaseError.corrupt("an insert answered no row") }
    return kept
  }
}
