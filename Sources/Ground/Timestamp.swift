/// A moment in time, in whole microseconds since 1970-01-01T00:00:00Z, as it is kept in the database.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }

  public static let distantPast = Timestamp(microseconds: 0)

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

  /// The moment `duration` later, held at the end of what can be represented.
  public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
    let (sum, overflow) = moment.microseconds.addingReportingOverflow(duration.wholeMicroseconds)
    return Timestamp(microseconds: overflow ? .max : sum)
  }

  public static func - (moment: Timestamp, duration: Duration) -> Timestamp { moment + (.zero - duration) }

  public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
    .microseconds(later.microseconds - earlier.microseconds)
  }

  /// RFC 3339 in UTC with milliseconds: `2026-11-23T14:01:37.042Z`.
  public var description: String {
    var bytes: [UInt8] = []
    write(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends ``description`` without making a string: every log line has one.
  public func write(into bytes: inout [UInt8]) {
    let civil = CivilTime(self)
    func digits(_ value: Int, _ width: Int, _ end: UInt8) {
      var divisor = width == 4 ? 1000 : width == 3 ? 100 : 10
      while divisor > 0 {
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
        divisor /= 10
      }
      bytes.append(end)
    }
    digits(civil.year, 4, UInt8(ascii: "-"))
    digits(civil.month, 2, UInt8(ascii: "-"))
    digits(civil.day, 2, UInt8(ascii: "T"))
    digits(civil.hour, 2, UInt8(ascii: ":"))
    digits(civil.minute, 2, UInt8(ascii: ":"))
    digits(civil.second, 2, UInt8(ascii: "."))
    digits(civil.millisecond, 3, UInt8(ascii: "Z"))
  }
}

extension Timestamp {
  /// Reads `2026-11-23T14:01:37Z`, with or without a fraction of the second, which is dropped.
  ///
  /// - Returns: nil for any other form (RFC 3339 with another zone too).
  public init?(parsing text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      bytes[range].reduce(0) { sum, byte in
        guard let sum, (0x30...0x39).contains(byte) else { return nil }
        return sum * 10 + Int64(byte - 0x30)
      }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let shiftedYear = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = (shiftedYear / 400, shiftedYear % 400)
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    self.init(microseconds: (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000)
  }
}

/// A moment taken apart in the proleptic Gregorian calendar, UTC.
public struct CivilTime: Sendable, Equatable {
  public let year, month, day, hour, minute, second, millisecond: Int
  /// 0 is Sunday.
  public let weekday: Int

  public init(_ moment: Timestamp) {
    func floorDivide(_ a: Int64, _ b: Int64) -> (Int64, Int64) {
      let remainder = ((a % b) + b) % b
      return ((a - remainder) / b, remainder)
    }
    let (days, microseconds) = floorDivide(moment.microseconds, 86_400_000_000)
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let shifted = days + 719_468
    let (era, dayOfEra) = floorDivide(shifted, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
    year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    let seconds = microseconds / 1_000_000
    hour = Int(seconds / 3600)
    minute = Int(seconds / 60 % 60)
    second = Int(seconds % 60)
    millisecond = Int(microseconds / 1000 % 1000)
    weekday = Int(floorDivide(days + 4, 7).1)
  }
}

extension Duration {
  /// Whole microseconds, rounded towards zero, held at the ends of `Int64`.
  public var wholeMicroseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000)
    return overflowed ? (seconds < 0 ? .min : .max) : sum
  }

  /// Seconds with a fraction, for figures and log lines.
  public var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
