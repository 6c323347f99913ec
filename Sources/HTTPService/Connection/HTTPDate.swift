import Ground

/// The `Date` header's text (RFC 9110, section 5.6.7), made once a second for each event loop.
final class HTTPDate {
  private var second: Int64 = -1
  private var text = ""
  private let time: any TimeSource

  init(time: any TimeSource) { self.time = time }

  func current() -> String {
    let now = time.now
    let second = now.microseconds / 1_000_000
    if second != self.second {
      self.second = second
      text = Self.format(now)
    }
    return text
  }

  static func format(_ moment: Timestamp) -> String {
    let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let civil = CivilTime(moment)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(weekdays[civil.weekday]), \(two(civil.day)) \(months[civil.month - 1]) \(civil.year) "
      + "\(two(civil.hour)):\(two(civil.minute)):\(two(civil.second)) GMT"
  }
}
