public import Ground
public import OCI

/// What an environment asks of the releases to it.
public struct EnvironmentSettings: Sendable, Hashable {
  /// Names in a list: accounts, `team:NAME`, `trust:NAME`.
  public static let nameLimit = 100
  public static let approvalLimit = 20
  public static let freezeLimit = 50

  /// The repositories that it covers, of its namespace.
  public var repositories: [RepositoryPattern] = [.everything]
  /// Environments in which an image must have been before, in the same repository.
  public var requires: [Tag] = []
  /// A tag of this kind must point to an image; nil: any image will do.
  public var tags: TagSelector?
  /// Who may promote and roll back; empty: maintainers of the namespace.
  public var promoters: [String] = []
  /// Who may agree; empty: maintainers of the namespace.
  public var approvers: [String] = []
  /// How many others than the one who asks must agree.
  public var approvals = 0
  public var rollbackNeedsApproval = false
  /// When nothing is promoted.
  public var freezes: [FreezeWindow] = []
  /// What may be wrong with images, beside what the namespace's own policy says of promotions; nil: nothing more is asked.
  public var policy: FindingPolicy?

  public init() {}

  public func covers(_ repository: RepositoryName) -> Bool { repositories.contains { $0.matches(repository) } }

  public var repositoriesJSON: JSONValue { .array(repositories.map { .string($0.text) }) }

  /// All but the repositories.
  public var json: JSONValue {
    [
      "requires": .array(requires.map { .string($0.text) }),
      "tags": tags.map { .array($0.texts.map { .string($0) }) } ?? .null,
      "promoters": .array(promoters.map { .string($0) }), "approvers": .array(approvers.map { .string($0) }),
      "approvals": .integer(Int64(approvals)), "rollbackNeedsApproval": .bool(rollbackNeedsApproval),
      "freezes": .array(freezes.map(\.json)), "policy": policy?.environmentJSON ?? .null,
    ]
  }

  /// Takes over those members that `object` has; others stay as they are.
  ///
  /// - Throws: ``ParseError`` that says which member is wrong.
  public mutating func apply(_ object: JSONObject, namespace: String) throws(ParseError) {
    if let texts = try Self.texts(object, "repositories") { repositories = try Self.patterns(texts, namespace) }
    if let texts = try Self.texts(object, "requires") {
      var tags: [Tag] = []
      for text in texts { tags.append(try Tag(parsing: text)) }
      requires = tags
    }
    if object["tags"]?.isNull ?? false { tags = nil }
    if let texts = try Self.texts(object, "tags") { tags = texts.isEmpty ? nil : try TagSelector(parsing: texts) }
    if let texts = try Self.texts(object, "promoters") { promoters = texts }
    if let texts = try Self.texts(object, "approvers") { approvers = texts }
    if let value = object["approvals"] {
      guard let count = value.integer, (0...Int64(Self.approvalLimit)).contains(count) else {
        throw ParseError(.parameter, "“approvals” is a whole number from 0 to \(Self.approvalLimit)")
      }
      approvals = Int(count)
    }
    if let value = object["rollbackNeedsApproval"] {
      guard let bool = value.bool else { throw ParseError(.parameter, "“rollbackNeedsApproval” is true or false") }
      rollbackNeedsApproval = bool
    }
    if let value = object["freezes"] {
      guard let array = value.array, array.count <= Self.freezeLimit else {
        throw ParseError(.parameter, "“freezes” is a list of at most \(Self.freezeLimit) windows")
      }
      var windows: [FreezeWindow] = []
      for element in array { windows.append(try FreezeWindow(json: element)) }
      freezes = windows
    }
    if let value = object["policy"] { policy = value.isNull ? nil : try FindingPolicy(ofEnvironment: value) }
  }

  private static func texts(_ object: JSONObject, _ name: String) throws(ParseError) -> [String]? {
    guard let value = object[name], !value.isNull else { return nil }
    let texts = value.array?.compactMap(\.string)
    guard let texts, texts.count == value.array?.count, texts.count <= nameLimit,
      !texts.contains(where: { $0.isEmpty || $0.utf8.count > 255 })
    else { throw ParseError(.parameter, "“\(name)” is a list of at most \(nameLimit) texts") }
    return texts
  }

  private static func patterns(_ texts: [String], _ namespace: String) throws(ParseError) -> [RepositoryPattern] {
    var patterns: [RepositoryPattern] = []
    for text in texts {
      guard let pattern = RepositoryPattern(parsing: text), text == "*" || pattern.staysIn(namespace) else {
        throw ParseError(
          .parameter,
          "“\(text.prefix(80))” is no pattern of repositories of \(namespace), such as \(namespace)/api or \(namespace)/web-*"
        )
      }
      patterns.append(pattern)
    }
    return patterns.isEmpty ? [.everything] : patterns
  }
}

/// A time in which nothing is promoted, in UTC: once (`{"from": "2026-12-24T00:00:00Z", "to": "2027-01-02T00:00:00Z"}`), or
/// every week (`{"days": ["fri", "sat"], "from": "16:00", "to": "24:00"}`), past midnight too (`"from": "22:00", "to": "06:00"`).
public struct FreezeWindow: Sendable, Hashable {
  private enum Time: Sendable, Hashable {
    case once(Timestamp, Timestamp)
    /// Weekdays, 0 is Sunday; minutes of the day. An end that is not after the beginning is one of the next day.
    case weekly(Set<Int>, Int, Int)
  }

  private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
  private static let minutesOfDay = 24 * 60

  private let time: Time
  public let json: JSONValue

  public init(json: JSONValue) throws(ParseError) {
    guard let from = json["from"]?.string, let to = json["to"]?.string else {
      throw ParseError(.parameter, "a freeze has “from” and “to”")
    }
    if let days = json["days"] {
      let numbers = (days.array ?? []).compactMap { $0.string.flatMap { Self.dayNames.firstIndex(of: $0) } }
      guard !numbers.isEmpty, numbers.count == days.array?.count, let begin = Self.minutes(from),
        let end = Self.minutes(to), begin != end, begin < Self.minutesOfDay
      else {
        throw ParseError(
          .parameter,
          "a weekly freeze is like {\"days\": [\"fri\"], \"from\": \"16:00\", \"to\": \"24:00\"}, in UTC; days are \(Self.dayNames.joined(separator: ", "))"
        )
      }
      time = .weekly(Set(numbers), begin, end)
    } else {
      guard let begin = Timestamp(parsing: from), let end = Timestamp(parsing: to), begin < end else {
        throw ParseError(
          .parameter,
          "a freeze is from one time to a later one: {\"from\": \"2026-12-24T00:00:00Z\", \"to\": \"2027-01-02T00:00:00Z\"}"
        )
      }
      time = .once(begin, end)
    }
    self.json = json
  }

  /// Members that no window has, and that would be taken for said: a time zone.
  ///
  /// - Throws: ``ParseError``.
  static func checkMembers(of list: JSONValue?) throws(ParseError) {
    for window in list?.array ?? [] { _ = try RuleReader(window, ["days", "from", "to"]) }
  }

  /// `16:00` → 960; `24:00` is the day's end.
  private static func minutes(_ text: String) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hour = Int(parts[0]),
      let minute = Int(parts[1]),
      (0..<60).contains(minute), hour >= 0, hour * 60 + minute <= minutesOfDay
    else { return nil }
    return hour * 60 + minute
  }

  public func holds(at moment: Timestamp) -> Bool {
    switch time {
    case .once(let begin, let end): return begin <= moment && moment < end
    case .weekly(let days, let begin, let end):
      let civil = CivilTime(moment)
      let minute = civil.hour * 60 + civil.minute
      if begin < end { return days.contains(civil.weekday) && (begin..<end).contains(minute) }
      let dayBefore = (civil.weekday + Self.dayNames.count - 1) % Self.dayNames.count
      return (days.contains(civil.weekday) && minute >= begin) || (days.contains(dayBefore) && minute < end)
    }
  }

  /// In words, for those who are refused.
  public var text: String {
    switch time {
    case .once(let begin, let end): return "from \(begin) to \(end)"
    case .weekly(let days, let begin, let end):
      func clock(_ minutes: Int) -> String {
        let (hour, minute) = (minutes / 60, minutes % 60)
        return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
      }
      return
        "\(days.sorted().map { Self.dayNames[$0] }.joined(separator: ", ")) \(clock(begin)) to \(clock(end)) UTC\(begin < end ? "" : " of the next day")"
    }
  }
}
