/// Names of accounts and trust rules as one column holds them: they have no commas. NULL: none.
func storedNames(_ names: Set<String>) -> String? {
  names.isEmpty ? nil : names.sorted().joined(separator: ",")
}

extension Row {
  /// Names as ``storedNames(_:)`` made one text of them.
  func names(_ column: Int) -> Set<String> {
    Set((optionalText(column) ?? "").split(separator: ",").map { String($0) })
  }
}
