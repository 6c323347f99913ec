internal import Ground
internal import Metadata
public import OCI

/// How long the history of tags is kept.
public struct HistoryRule: Sendable, Hashable {
  /// Of each tag that is there, so many last states.
  public var states = 20
  /// And whatever was in force in the last so many days.
  public var days = 30
  /// And whatever an environment ran in the last so many days.
  public var environmentDays = 365

  public static let daysLimit: ClosedRange<Int64> = 0...36_500
  public static let statesLimit: ClosedRange<Int64> = 1...100_000

  public init() {}

  /// `{"states": 20, "days": 30, "environmentDays": 365}`; what is left out is as above.
  public init(json: JSONValue) throws(ParseError) {
    let reader = try RuleReader(json, ["states", "days", "environmentDays"])
    if let value = try reader.number("states", Self.statesLimit) { states = Int(value) }
    if let value = try reader.number("days", Self.daysLimit) { days = Int(value) }
    if let value = try reader.number("environmentDays", Self.daysLimit) { environmentDays = Int(value) }
  }

  public var json: JSONValue {
    [
      "states": .integer(Int64(states)), "days": .integer(Int64(days)),
      "environmentDays": .integer(Int64(environmentDays)),
    ]
  }

  /// What of a tag's history is let go of.
  struct Trim: Equatable {
    /// Events whose manifest need not stay for them any more.
    var released: [TagEvent] = []
    /// The oldest of them, without a gap: their rows go. Those between events that stay are kept as a record, so that what was
    /// at a moment is answered right or not at all.
    var deleted: [TagEvent] = []
    /// From when on all is known.
    var begin = Timestamp.distantPast
  }

  /// - Parameters:
  ///   - events: all of the tag, the newest first.
  ///   - run: digests that an environment ran in the time that ``environmentDays`` says.
  func trim(_ events: [TagEvent], run: Set<Digest>, now: Timestamp) -> Trim {
    let oldest = now - .seconds(Int64(days) * 86_400)
    let isDeleted = events.first.map { $0.to == nil } ?? true
    var mayGo: [Bool] = []
    var newerStates = 0
    var end = isDeleted ? events.first?.at ?? now : now
    for (index, event) in events.enumerated() {
      // What it began was in force until the next move; the newest still is, unless the tag is deleted.
      if index > 0, events[index - 1].isMove { end = events[index - 1].at }
      let isAmongLast = !isDeleted && newerStates < states
      let isRun = event.to.map { run.contains($0) } ?? false
      mayGo.append(end < oldest && !isAmongLast && !isRun && (index > 0 || isDeleted))
      if event.to != nil, event.isMove { newerStates += 1 }
    }
    var trim = Trim()
    for (event, goes) in zip(events, mayGo) where goes && event.isKept { trim.released.append(event) }
    let firstKept = mayGo.lastIndex(of: false) ?? -1
    trim.deleted = Array(events.dropFirst(firstKept + 1))
    if let newest = trim.deleted.first {
      trim.begin = firstKept >= 0 ? events[firstKept].at : newest.at
    }
    return trim
  }
}

/// Reads the members of a rule's value.
struct RuleReader {
  private let object: JSONObject

  /// - Throws: ``ParseError`` when it is no object, or has a member that is not known.
  init(_ json: JSONValue, _ known: [String]) throws(ParseError) {
    guard let object = json.object else { throw ParseError(.parameter, "the value is a JSON object") }
    for member in object.members where !known.contains(member.key) {
      throw ParseError(
        .parameter, "“\(member.key.prefix(80))” is not known here; known are \(known.joined(separator: ", "))")
    }
    self.object = object
  }

  func number(_ name: String, _ range: ClosedRange<Int64>) throws(ParseError) -> Int64? {
    guard let value = object[name], !value.isNull else { return nil }
    guard let number = value.integer, range.contains(number) else {
      throw ParseError(
        .parameter, "“\(name)” is a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func texts(_ name: String) throws(ParseError) -> [String]? {
    guard let value = object[name], !value.isNull else { return nil }
    let texts = value.array?.compactMap(\.string)
    guard let texts, texts.count == value.array?.count else {
      throw ParseError(.parameter, "“\(name)” is a list of texts")
    }
    return texts
  }

  func text(_ name: String) throws(ParseError) -> String? {
    guard let value = object[name], !value.isNull else { return nil }
    guard let text = value.string else { throw ParseError(.parameter, "“\(name)” is a text") }
    return text
  }

  func flag(_ name: String) throws(ParseError) -> Bool {
    guard let value = object[name], !value.isNull else { return false }
    guard let flag = value.bool else { throw ParseError(.parameter, "“\(name)” is true or false") }
    return flag
  }

  func value(_ name: String) -> JSONValue? { object[name].flatMap { $0.isNull ? nil : $0 } }
}
