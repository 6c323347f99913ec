import ArgumentParser
import Ground

/// A time on the command line: as the API takes it, or how long ago.
struct Moment: ExpressibleByArgument {
  /// RFC 3339.
  let text: String

  init?(argument: String) { self.init(argument, now: SystemTime().now) }

  /// - Parameter now: what `1d` counts back from.
  init?(_ argument: String, now: Timestamp) {
    if Timestamp(parsing: argument) != nil {
      text = argument
      return
    }
    let units = ["h": 3600, "d": 86_400, "w": 7 * 86_400]
    guard let unit = argument.last.flatMap({ units[String($0)] }), let count = Int64(argument.dropLast()),
      (0...10_000).contains(count)
    else { return nil }
    text = (now - .seconds(count * Int64(unit))).description
  }
}
