/// A part of what stands before a release, between two points: a number, or anything else. Numbers come before texts.
///
/// Source: semver.org 2.0.0, clause 11.
enum SemanticIdentifier: Sendable, Hashable, Comparable {
  case number(Digits)
  case text([UInt8])

  init(_ bytes: ArraySlice<UInt8>) { self = Digits(parsing: bytes).map { .number($0) } ?? .text(Array(bytes)) }

  /// What the points of a text divide, also where that is nothing.
  static func list(_ bytes: ArraySlice<UInt8>) -> [SemanticIdentifier] {
    bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { SemanticIdentifier($0) }
  }

  /// It has something, and only what Semantic Versioning takes.
  var isStrict: Bool {
    switch self {
    case .number: true
    case .text(let bytes):
      !bytes.isEmpty && bytes.allSatisfy { $0.isDecimal || $0.isASCIILetter || $0 == UInt8(ascii: "-") }
    }
  }

  static func < (a: SemanticIdentifier, b: SemanticIdentifier) -> Bool {
    switch (a, b) {
    case (.number(let x), .number(let y)): x < y
    case (.text(let x), .text(let y)): x.lexicographicallyPrecedes(y)
    case (.number, .text): true
    case (.text, .number): false
    }
  }
}
