/// A JSON text as a value.
///
/// Whole numbers that fit are ``integer(_:)``, so sizes never pass through floating point.
///
/// Source: RFC 8259.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// How deep arrays and objects may stand in one another unless a caller says less. Well beyond any manifest or image
  /// configuration, and far from what the smallest stack of a thread holds.
  public static let defaultDepthLimit = 64

  public var isNull: Bool { self == .null }

  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// The first member of this name, when this is an object that has it.
  public subscript(key: String) -> JSONValue? { object?[key] }
}

/// The members of a JSON object in their order.
public struct JSONObject: Sendable, Hashable {
  public struct Member: Sendable, Hashable {
    public let key: String
    public let value: JSONValue

    public init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  public private(set) var members: [Member]

  public init(_ members: [Member] = []) { self.members = members }

  /// The first member of this name. Linear: objects here are small, or are walked as a whole.
  public subscript(key: String) -> JSONValue? { members.first { $0.key == key }?.value }

  /// Adds a member at the end.
  public mutating func append(_ key: String, _ value: JSONValue) { members.append(Member(key: key, value: value)) }

  /// A key that two members have. RFC 8259 leaves their meaning open, so readers differ: where meaning matters, refuse.
  public var duplicateKey: String? {
    // Comparing pairs is quicker than hashing for the few members that objects usually have.
    if members.count <= 12 {
      for index in members.indices {
        for earlier in 0..<index where members[earlier].key == members[index].key { return members[index].key }
      }
      return nil
    }
    var seen = Set<String>(minimumCapacity: members.count)
    return members.first { !seen.insert($0.key).inserted }?.key
  }
}

// MARK: - Literals

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

  /// The members keep the order in which they are written.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    members = elements.map { Member(key: $0.0, value: $0.1) }
  }
}
