import Foundation
import Testing

/// The tables of docs/access.md, which the server is held against.
enum AccessTable {
  static func document() throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/access.md"), encoding: .utf8)
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
  }

  /// The rows of the table whose head begins so, each as its cells.
  static func rows(_ head: String) throws -> [[String]] {
    let lines = try document()
    let start = try #require(lines.firstIndex { $0.hasPrefix(head) }, "docs/access.md has no table \(head)")
    return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
      line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "`", with: "") }
    }
  }

  /// What each role may, by the words of the first column.
  static func actions() throws -> [String: Set<String>] {
    var found: [String: Set<String>] = [:]
    for row in try rows("| role | pull") {
      let allowed = zip(["pull", "push", "delete"], row[1...3]).filter { $0.1 == "yes" }.map(\.0)
      found[row[0].replacingOccurrences(of: "site ", with: "")] = Set(allowed)
    }
    return found
  }
}
