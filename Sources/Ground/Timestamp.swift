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
  /// The last moment that is shown as this one: ``description`` is cut to the millisecond.
  public var endOfMillisecond: Timestamp {
    let past = (microseconds % 1000 + 1000) % 1000
    return Timestamp(microseconds: microseconds - past + 999)
  }

  /// Reads RFC 3339: `2026-11-23T14:01:37Z`, `2026-11-23T15:01:37.25+01:00`. Of a fraction microseconds are kept.
  ///
  /// - Returns: nil for any other form, and for days and hours that there are not.
  public init?(parsing text: String) {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count else { return nil }
      return bytes[range].reduce(0) { sum, byte in
        guard let sum, (0x30...0x39).contains(byte) else { return nil }
        return sum * 10 + Int64(byte - 0x30)
      }
    }
    guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] | 0x20 == UInt8(ascii: "t"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month), day >= 1,
      day <= Self.days(of: month, year), hour < 24, minute < 60, second <= 60
    else { return nil }
    var position = 19
    var microseconds: Int64 = 0
    if bytes[position] == UInt8(ascii: ".") {
      position += 1
      let begin = position
      var weight: Int64 = 100_000
      while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
        microseconds += Int64(bytes[position] - 0x30) * weight
        weight /= 10
        position += 1
      }
      guard position > begin else { return nil }
    }
    guard position < bytes.count else { return nil }
    var offset: Int64 = 0
    switch bytes[position] {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): guard position + 1 == bytes.count else { return nil }
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard bytes.count == position + 6, bytes[position + 3] == UInt8(ascii: ":"),
        let hours = number(position + 1..<position + 3), let minutes = number(position + 4..<position + 6), hours < 24,
        minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * (bytes[position] == UInt8(ascii: "-") ? -1 : 1)
    default: return nil
    }
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let shiftedYear = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = shiftedYear < 0 ? (-1, 399) : (shiftedYear / 400, shiftedYear % 400)
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
    self.init(microseconds: seconds * 1_000_000 + microseconds)
  }

  private static func days(of month: Int64, _ year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
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
