/// Names and values that a manifest or a descriptor carries, sorted by name.
///
/// Source: image-spec, annotations.md: keys are unique within the map.
public struct Annotations: Sendable, Hashable, RandomAccessCollection, ExpressibleByDictionaryLiteral {
  public struct Entry: Sendable, Hashable {
    public let key: String
    public let value: String
  }

  private let entries: [Entry]

  /// None.
  public init() { entries = [] }

  /// Of entries with the same key, the last one counts.
  public init(_ pairs: some Sequence<(String, String)>) {
    var values: [String: String] = [:]
    for (key, value) in pairs { values[key] = value }
    entries = values.map { Entry(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
  }

  public init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

  public var startIndex: Int { 0 }
  public var endIndex: Int { entries.count }
  public subscript(position: Int) -> Entry { entries[position] }

  /// The value under this key.
  public subscript(key: String) -> String? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].key == key ? entries[low].value : nil
  }

  /// As a JSON object.
  public var json: JSONValue {
    .object(JSONObject(entries.map { JSONObject.Member(key: $0.key, value: .string($0.value)) }))
  }
}
