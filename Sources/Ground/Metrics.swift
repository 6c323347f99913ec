import Synchronization

/// The process's figures, printed in the Prometheus text format (version 0.0.4).
///
/// Families are made once, at composition; counting afterwards is one atomic addition and takes no lock.
public final class Metrics: Sendable {
  private let families = Mutex<[String: Family]>([:])

  private struct Family {
    let help: String
    let kind: String
    var series: [(labels: String, print: @Sendable (String, String) -> String)] = []
  }

  /// A series whose labels are known when it is printed, with its value.
  public typealias Reading = (labels: String, value: Double)

  public init() {}

  /// A number that only grows. `labels` is fixed text such as `route="blob",method="GET"`.
  public func counter(_ name: String, _ help: String, labels: String = "", scale: Double = 1) -> Counter {
    let counter = Counter()
    add(name, help, "counter", labels) { name, labels in
      let value = Double(counter.value) * scale
      return "\(name)\(Self.braces(labels)) \(Self.number(value))\n"
    }
    return counter
  }

  /// A number that is asked for when it is printed.
  public func gauge(_ name: String, _ help: String, labels: String = "", _ read: @escaping @Sendable () -> Double) {
    add(name, help, "gauge", labels) { name, labels in "\(name)\(Self.braces(labels)) \(Self.number(read()))\n" }
  }

  /// As ``gauge(_:_:labels:_:)`` for a number that only grows and is counted elsewhere.
  public func counting(_ name: String, _ help: String, labels: String = "", _ read: @escaping @Sendable () -> Double) {
    add(name, help, "counter", labels) { name, labels in "\(name)\(Self.braces(labels)) \(Self.number(read()))\n" }
  }

  /// As ``gauge(_:_:labels:_:)`` for series that come and go.
  public func gauges(_ name: String, _ help: String, _ read: @escaping @Sendable () -> [Reading]) {
    add(name, help, "gauge", "") { name, _ in Self.lines(name, read()) }
  }

  /// As ``counting(_:_:labels:_:)`` for series that come and go.
  public func countings(_ name: String, _ help: String, _ read: @escaping @Sendable () -> [Reading]) {
    add(name, help, "counter", "") { name, _ in Self.lines(name, read()) }
  }

  /// Durations in seconds.
  public func histogram(_ name: String, _ help: String, labels: String = "") -> Histogram {
    let histogram = Histogram()
    add(name, help, "histogram", labels) { name, labels in histogram.text(name: name, labels: labels) }
    return histogram
  }

  private func add(
    _ name: String, _ help: String, _ kind: String, _ labels: String,
    print: @escaping @Sendable (String, String) -> String
  ) {
    families.withLock { families in
      families[name, default: Family(help: help, kind: kind)].series.append((labels, print))
    }
  }

  /// All families by name, each series in the order of its making.
  public func text() -> String {
    let snapshot = families.withLock { $0 }
    var text = ""
    for (name, family) in snapshot.sorted(by: { $0.key < $1.key }) {
      text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind)\n"
      for series in family.series { text += series.print(name, series.labels) }
    }
    return text
  }

  private static func lines(_ name: String, _ readings: [Reading]) -> String {
    readings.map { "\(name)\(braces($0.labels)) \(number($0.value))\n" }.joined()
  }

  static func braces(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

  static func number(_ value: Double) -> String {
    value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : "\(value)"
  }
}

/// One counted series.
public final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  init() {}
  public func increment(by amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
  public var value: Int { count.load(ordering: .relaxed) }
}

/// Counts of durations in fixed classes from 0.5 ms to 60 s.
public final class Histogram: Sendable {
  /// Upper bounds in microseconds, with the text that Prometheus knows them by.
  static let bounds: [(microseconds: Int64, text: String)] = [
    (500, "0.0005"), (1_000, "0.001"), (5_000, "0.005"), (10_000, "0.01"), (25_000, "0.025"), (50_000, "0.05"),
    (100_000, "0.1"), (250_000, "0.25"), (500_000, "0.5"), (1_000_000, "1"), (2_500_000, "2.5"), (5_000_000, "5"),
    (10_000_000, "10"), (60_000_000, "60"),
  ]
  private let buckets: [Counter] = (0...Histogram.bounds.count).map { _ in Counter() }
  private let sumMicroseconds = Counter()

  init() {}

  public func record(nanoseconds: Int64) {
    let microseconds = nanoseconds / 1000
    var index = 0
    while index < Self.bounds.count && microseconds > Self.bounds[index].microseconds { index += 1 }
    buckets[index].increment()
    sumMicroseconds.increment(by: Int(microseconds))
  }

  func text(name: String, labels: String) -> String {
    var text = ""
    var total = 0
    let prefix = labels.isEmpty ? "" : labels + ","
    for (index, bound) in Self.bounds.enumerated() {
      total += buckets[index].value
      text += "\(name)_bucket{\(prefix)le=\"\(bound.text)\"} \(total)\n"
    }
    total += buckets[Self.bounds.count].value
    text += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(total)\n"
    text += "\(name)_sum\(Metrics.braces(labels)) \(Double(sumMicroseconds.value) / 1e6)\n"
    text += "\(name)_count\(Metrics.braces(labels)) \(total)\n"
    return text
  }
}
