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

  /// Durations in seconds; with `classes`, something else.
  public func histogram(
    _ name: String, _ help: String, labels: String = "", classes: Histogram.Classes = .durations
  ) -> Histogram {
    let histogram = Histogram(classes)
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
