/// A benchmark that cannot go on, with a sentence that says why.
struct BenchError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
