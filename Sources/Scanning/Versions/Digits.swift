/// A whole number of any length as its digits, without zeros before them: no version is too large to be compared.
struct Digits: Sendable, Hashable, Comparable {
  /// Empty for zero.
  let bytes: [UInt8]

  static let zero = Digits(bytes: [])

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// - Precondition: there are only digits.
  init(_ digits: some Sequence<UInt8>) { bytes = Array(digits.drop { $0 == UInt8(ascii: "0") }) }

  /// Nil for what is not one digit or more.
  init?(parsing text: some Collection<UInt8>) {
    guard !text.isEmpty, text.allSatisfy({ $0.isDecimal }) else { return nil }
    self.init(text)
  }

  var isZero: Bool { bytes.isEmpty }

  static func < (a: Digits, b: Digits) -> Bool {
    a.bytes.count == b.bytes.count ? a.bytes.lexicographicallyPrecedes(b.bytes) : a.bytes.count < b.bytes.count
  }
}

extension UInt8 {
  var isDecimal: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
  var isASCIILetter: Bool {
    (self | 0x20) >= UInt8(ascii: "a") && (self | 0x20) <= UInt8(ascii: "z")
  }
  var asciiLower: UInt8 { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self }
}

/// Which of two comes first.
public enum VersionComparison: Sendable, Hashable {
  case less, equal, greater

  init<T: Comparable>(_ a: T, _ b: T) { self = a < b ? .less : b < a ? .greater : .equal }

  /// This, unless it is equal: then the next.
  func or(_ next: @autoclosure () -> VersionComparison) -> VersionComparison { self == .equal ? next() : self }

  var reversed: VersionComparison {
    switch self {
    case .less: .greater
    case .equal: .equal
    case .greater: .less
    }
  }
}

/// Compares element by element; where one list ends, what follows in the other is compared with `filler`.
func compare<T: Comparable>(_ a: [T], _ b: [T], filler: T) -> VersionComparison {
  for index in 0..<max(a.count, b.count) {
    let outcome = VersionComparison(
      index < a.count ? a[index] : filler, index < b.count ? b[index] : filler)
    if outcome != .equal { return outcome }
  }
  return .equal
}
