import ArgumentParser

/// How many elements of a list are shown.
struct RowCount: ExpressibleByArgument {
  /// What is more than that is for programs, which page.
  static let limit = 10_000

  let number: Int

  init(_ number: Int) { self.number = number }

  init?(argument: String) {
    guard let number = Int(argument), (1...Self.limit).contains(number) else { return nil }
    self.number = number
  }

  var defaultValueDescription: String { "\(number)" }

  /// What to say when there is more.
  var hint: String {
    number < Self.limit
      ? "these are the first \(number), and there is more: --count \(min(number * 10, Self.limit))"
      : "these are the first \(number), and there is more"
  }
}
