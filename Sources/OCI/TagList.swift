/// Tags in an order, as one text in which a comma, that no tag holds, is between two of them.
///
/// So ten thousand of them go from a database's answer to the body of ours without being taken apart between.
public struct TagList: Sendable, Hashable {
  /// In UTF-8.
  public private(set) var joined: [UInt8]
  public private(set) var count: Int

  /// - Throws: kind `.tag` when one of them is none.
  public init(parsingJoined joined: [UInt8]) throws(ParseError) {
    self.joined = joined
    count = try joined.withUnsafeBufferPointer { Self.count($0) }.get()
  }

  private static func count(_ joined: UnsafeBufferPointer<UInt8>) -> Result<Int, ParseError> {
    guard !joined.isEmpty else { return .success(0) }
    var count = 0
    var start = 0
    var end = 0
    while end <= joined.count {
      defer { end += 1 }
      guard end == joined.count || joined[end] == comma else { continue }
      let tag = UnsafeBufferPointer(rebasing: joined[start..<end])
      guard Tag.matches(tag) else { return .failure(Tag.refusal(of: tag)) }
      count += 1
      start = end + 1
    }
    return .success(count)
  }

  public init(_ tags: some Collection<Tag>) {
    joined = Array(tags.map(\.text).joined(separator: ",").utf8)
    count = tags.count
  }

  public var last: Tag? { count > 0 ? Tag(valid: String(decoding: joined[startOfLast...], as: UTF8.self)) : nil }

  public mutating func removeLast() {
    guard count > 0 else { return }
    joined.removeSubrange(max(startOfLast - 1, 0)...)
    count -= 1
  }

  /// One by one.
  public var elements: [Tag] {
    joined.split(separator: Self.comma).map { Tag(valid: String(decoding: $0, as: UTF8.self)) }
  }

  private var startOfLast: Int { joined.lastIndex(of: Self.comma).map { $0 + 1 } ?? 0 }

  static let comma = UInt8(ascii: ",")
}
