/// Counts of durations or sizes in fixed classes.
///
/// The bounds are those that Distribution has, in the same text, so that queries over both add up; durations have some finer ones
/// before them.
public final class Histogram: Sendable {
  /// What is counted, and where one class ends and the next begins.
  public struct Classes: Sendable {
    /// Upper bounds, with the text that Prometheus knows them by.
    let bounds: [(most: Int64, text: String)]
    /// How many of what is recorded are one of what is printed.
    let scale: Double

    /// From 0.5 ms to 60 s. Recorded in microseconds, printed in seconds.
    public static let durations = Classes(
      bounds: [
        (500, "0.0005"), (1_000, "0.001"), (5_000, "0.005"), (10_000, "0.01"), (25_000, "0.025"), (50_000, "0.05"),
        (100_000, "0.1"), (250_000, "0.25"), (500_000, "0.5"), (1_000_000, "1"), (2_500_000, "2.5"), (5_000_000, "5"),
        (10_000_000, "10"), (25_000_000, "25"), (60_000_000, "60"),
      ], scale: 1e6)

    /// From 1 KiB to 2 GiB, in bytes.
    public static let sizes = Classes(
      bounds: [
        (1024, "1024"), (2048, "2048"), (4096, "4096"), (8192, "8192"), (16384, "16384"), (32768, "32768"),
        (65536, "65536"), (131072, "131072"), (262144, "262144"), (524288, "524288"), (1048576, "1.048576e+06"),
        (2097152, "2.097152e+06"), (4194304, "4.194304e+06"), (8388608, "8.388608e+06"), (16777216, "1.6777216e+07"),
        (33554432, "3.3554432e+07"), (67108864, "6.7108864e+07"), (134217728, "1.34217728e+08"),
        (268435456, "2.68435456e+08"), (536870912, "5.36870912e+08"), (1073741824, "1.073741824e+09"),
        (2147483648, "2.147483648e+09"),
      ], scale: 1)
  }

  private let classes: Classes
  /// The bounds alone, which every request goes through.
  private let limits: [Int64]
  private let buckets: [Counter]
  private let sum = Counter()

  init(_ classes: Classes) {
    self.classes = classes
    limits = classes.bounds.map(\.most)
    buckets = (0...classes.bounds.count).map { _ in Counter() }
  }

  public func record(nanoseconds: Int64) { record(nanoseconds / 1000) }

  public func record(bytes: Int64) { record(bytes) }

  private func record(_ value: Int64) {
    var index = 0
    while index < limits.count && value > limits[index] { index += 1 }
    buckets[index].increment()
    sum.increment(by: Int(value))
  }

  func text(name: String, labels: String) -> String {
    var text = ""
    var total = 0
    let prefix = labels.isEmpty ? "" : labels + ","
    for (index, bound) in classes.bounds.enumerated() {
      total += buckets[index].value
      text += "\(name)_bucket{\(prefix)le=\"\(bound.text)\"} \(total)\n"
    }
    total += buckets[classes.bounds.count].value
    text += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(total)\n"
    text += "\(name)_sum\(Metrics.braces(labels)) \(Metrics.number(Double(sum.value) / classes.scale))\n"
    text += "\(name)_count\(Metrics.braces(labels)) \(total)\n"
    return text
  }
}
