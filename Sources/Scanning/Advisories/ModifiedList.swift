public import OCI

/// When each record of an ecosystem was changed last, as OSV lists it beside the archive of all of them: `modified_id.csv`, a
/// line `2026-08-15T00:05:00Z,GHSA-xxxx-yyyy-zzzz` a record.
///
/// Source: OSV's documentation of its data dumps.
public enum ModifiedList {
  public static let lineLimitBytes = 1024
  /// Times are compared down to their seconds: what follows those is written in several ways.
  private static let secondsLength = 19
  private static let nameLimit = 128

  /// The record that a line names, when it was changed at `moment` or later.
  ///
  /// - Parameter moment: as in the list.
  /// - Throws: kind `.parameter` for what is no such line, or a name that could lead out of the folder of the records.
  public static func name(
    _ line: UnsafeRawBufferPointer, changedSince moment: String
  ) throws(ParseError) -> String? {
    let text = line.text.trimmed
    guard !text.isEmpty else { return nil }
    let fields = text.split(separator: ",", omittingEmptySubsequences: false)
    guard fields.count == 2, isTime(fields[0]), isName(fields[1]) else {
      throw ParseError(.parameter, "“\(text.prefix(80))” is no line of modified_id.csv")
    }
    return fields[0].prefix(secondsLength) >= moment.prefix(secondsLength) ? String(fields[1]) : nil
  }

  private static func isTime(_ text: Substring) -> Bool {
    text.utf8.count > secondsLength && text.hasSuffix("Z") && text.dropFirst(10).first == "T"
      && text.prefix(10).allSatisfy { $0.isASCII && ($0.isNumber || $0 == "-") }
  }

  private static func isName(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.count <= nameLimit && !text.hasPrefix(".")
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.:".contains($0)) }
  }
}
