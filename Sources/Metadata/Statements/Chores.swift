public import Ground

extension Transaction {
  /// Claims a chore for `holder`, unless another's claim holds or its next time has not come.
  ///
  /// Whoever holds it renews it by claiming it again.
  public func claimChore(_ name: String, holder: String, until: Timestamp) throws -> Bool {
    try enqueue(
      """
      INSERT INTO chore (name, holder, held_until, next_at) VALUES (\(name), '', 0, 0) ON CONFLICT (name) DO NOTHING
      """)
    return try execute(
      """
      UPDATE chore SET holder = \(holder), held_until = \(until)
      WHERE name = \(name) AND (holder = \(holder) OR (held_until <= \(now) AND next_at <= \(now)))
      """) == 1
  }

  /// Gives a chore back; nobody claims it before `nextAt`.
  public func releaseChore(_ name: String, holder: String, nextAt: Timestamp) throws {
    try enqueue(
      "UPDATE chore SET holder = '', held_until = 0, next_at = \(nextAt) WHERE name = \(name) AND holder = \(holder)")
  }
}
