/// A Markdown table.
struct Table {
  var title: String
  var columns: [String]
  var rows: [[String]] = []
  /// Sentences below the table.
  var notes: [String] = []

  var markdown: String {
    var widths = columns.map(\.count)
    for row in rows {
      for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
    }
    func line(_ cells: [String]) -> String {
      "| "
        + cells.enumerated().map { $1 + String(repeating: " ", count: widths[$0] - $1.count) }.joined(separator: " | ")
        + " |\n"
    }
    var text = "## \(title)\n\n"
    if !rows.isEmpty {
      text += line(columns)
      text += "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|\n"
      text += rows.map(line).joined()
    }
    if !notes.isEmpty { text += (rows.isEmpty ? "" : "\n") + notes.map { "- \($0)\n" }.joined() }
    return text + "\n"
  }
}
