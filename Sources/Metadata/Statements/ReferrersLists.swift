internal import Ground
public import OCI

// Which referrers tags answered with which digests: who resolved such a tag at one replica may ask another for the digest. Kept
// for a day or two, among the keepsakes, under names that begin with the day, so that the old ones are together.
private enum ReferrersListName {
  static let prefix = "referrers-list/"

  /// Days since 1970 in six digits, so that their order is that of time.
  static func day(_ moment: Timestamp, before days: Int64 = 0) -> String {
    let number = String(max(0, moment.microseconds / 86_400_000_000 - days))
    return prefix + String(repeating: "0", count: max(0, 6 - number.utf8.count)) + number
  }

  static func of(_ digest: Digest, in repository: RepositoryName, _ day: String) -> String {
    "\(day)/\(digest)/\(repository)"
  }
}

extension Reading where Self: ~Copyable {
  /// The tag that answered with a list of this digest, today or yesterday.
  public func referrersTag(ofList digest: Digest, in repository: RepositoryName) throws -> Tag? {
    let today = ReferrersListName.of(digest, in: repository, ReferrersListName.day(now))
    let yesterday = ReferrersListName.of(digest, in: repository, ReferrersListName.day(now, before: 1))
    let found = try first("SELECT value FROM keepsake WHERE name IN (\(today), \(yesterday)) LIMIT 1") { $0.bytes(0) }
    guard let found else { return nil }
    do { return try Tag(parsing: String(decoding: found, as: UTF8.self)) } catch {
      throw DatabaseError.corrupt("the tag of a list of referrers is stored as something else")
    }
  }
}

extension Transaction {
  /// How many old ones go with a new one: more than come, so that they become no more.
  private static let forgottenAtOnce = 100

  /// Notes which tag answered with a list of this digest, and forgets what was noted days ago.
  public func noteReferrersList(_ digest: Digest, of tag: Tag, in repository: RepositoryName) throws {
    let name = ReferrersListName.of(digest, in: repository, ReferrersListName.day(now))
    try enqueue(
      """
      INSERT INTO keepsake (name, value) VALUES (\(name), \(Array(tag.text.utf8))) ON CONFLICT (name) DO NOTHING
      """)
    let oldest = ReferrersListName.day(now, before: 1)
    try enqueue(
      """
      DELETE FROM keepsake WHERE name IN (
        SELECT name FROM keepsake WHERE name >= \(ReferrersListName.prefix) AND name < \(oldest)
        ORDER BY name LIMIT \(Self.forgottenAtOnce))
      """)
  }
}
