import OCI

/// JSON for a person to read and edit.
enum IndentedJSON {
  static func text(_ value: JSONValue, indent: String = "") -> String {
    let inner = indent + "\t"
    switch value {
    case .object(let object) where !object.members.isEmpty:
      let members = object.members.map { member in
        inner + JSONValue.string(member.key).text + ": " + text(member.value, indent: inner)
      }
      return "{\n" + members.joined(separator: ",\n") + "\n" + indent + "}"
    case .array(let elements) where !elements.isEmpty:
      return "[\n" + elements.map { inner + text($0, indent: inner) }.joined(separator: ",\n") + "\n" + indent + "]"
    default: return value.text
    }
  }
}
