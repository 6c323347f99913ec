internal import Glibc

/// A statement and its bound values. `\(x)` binds; it never splices.
///
/// The text is the same for a statement every time, so that a driver can keep it prepared.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
  public private(set) var text: String
  public internal(set) var values: [SQLValue]
  /// Whether a driver keeps it prepared. Not where the text is another one for every caller.
  public private(set) var isKept = true

  public init(stringLiteral value: StaticString) {
    text = value.description
    values = []
  }

  /// One statement for many rows: `head (?, …), (?, …) tail`.
  ///
  /// - Parameter rows: each as long as the first.
  init(_ head: StaticString, rows: ArraySlice<[SQLValue]>, _ tail: StaticString) {
    let row = "(" + String(repeating: "?, ", count: max(rows.first?.count ?? 0, 1) - 1) + "?)"
    text = "\(head) \(row)" + String(repeating: ", \(row)", count: max(rows.count, 1) - 1) + " \(tail)"
    values = Array(rows.joined())
  }

  /// A statement of a migration, which binds nothing. Only for text that stands in this target.
  init(migration text: String) {
    self.text = text
    values = []
  }

  /// The same statement, which no driver keeps prepared: its text is put together of what somebody asked for.
  var once: SQL {
    var statement = self
    statement.isKept = false
    return statement
  }

  public init(stringInterpolation interpolation: Interpolation) {
    text = interpolation.text
    values = interpolation.values
  }

  public struct Interpolation: StringInterpolationProtocol {
    var text = ""
    var values: [SQLValue] = []

    public init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + interpolationCount)
      values.reserveCapacity(interpolationCount)
    }

    public mutating func appendLiteral(_ literal: StaticString) { text += literal.description }

    public mutating func appendInterpolation(_ value: some SQLBindable) {
      // A question mark in every dialect's stored text; the driver renders what its database wants.
      text += "?"
      values.append(value.sqlValue)
    }

    /// A part of a statement, with its values: text that stands in this target too, so nothing is spliced.
    public mutating func appendInterpolation(_ part: SQL) {
      text += part.text
      values += part.values
    }

    public mutating func appendInterpolation(_ value: (some SQLBindable)?) {
      text += "?"
      values.append(value?.sqlValue ?? .null)
    }
  }
}

/// What a column or a parameter can hold.
public enum SQLValue: Sendable, Hashable {
  case null
  case integer(Int64)
  case text(String)
  case bytes([UInt8])
}

/// A type with one way to be stored.
public protocol SQLBindable {
  var sqlValue: SQLValue { get }
}

extension Int64: SQLBindable { public var sqlValue: SQLValue { .integer(self) } }
extension Int: SQLBindable { public var sqlValue: SQLValue { .integer(Int64(self)) } }
extension Bool: SQLBindable { public var sqlValue: SQLValue { .integer(self ? 1 : 0) } }

extension String: SQLBindable {
  /// PostgreSQL has no U+0000 in texts, so that it is U+FFFD in every database. What may not hold it is refused at the edge;
  /// this is for what others wrote, such as the labels of an image.
  public var sqlValue: SQLValue { .text(storable) }

  /// The text as it is stored.
  var storable: String {
    hasZero ? String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 })) : self
  }
}

extension String {
  /// Asked of every text that is bound, and most are long enough for the C library to be quicker.
  fileprivate var hasZero: Bool {
    utf8.withContiguousStorageIfAvailable { bytes in
      bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
    } ?? utf8.contains(0)
  }
}

extension [UInt8]: SQLBindable { public var sqlValue: SQLValue { .bytes(self) } }
