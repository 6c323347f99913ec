/// A place in an order: by numbers, then by a name.
struct Rank: Comparable {
  let parts: [Int]
  let name: String

  static func < (a: Rank, b: Rank) -> Bool {
    a.parts == b.parts ? a.name < b.name : a.parts.lexicographicallyPrecedes(b.parts)
  }
}
