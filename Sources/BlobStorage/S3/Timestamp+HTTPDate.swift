internal import Ground

extension Timestamp {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Reads the `Date` of an answer: `Thu, 26 Nov 2026 16:40:49 GMT`. Nil for the forms that nobody writes any more.
  ///
  /// Source: RFC 9110, section 5.6.7.
  init?(httpDate text: String) {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", words[1].count == 2,
      let month = Self.months.firstIndex(of: String(words[2]))
    else { return nil }
    self.init(parsing: "\(words[3])-\(month < 9 ? "0" : "")\(month + 1)-\(words[1])T\(words[4])Z")
  }
}
