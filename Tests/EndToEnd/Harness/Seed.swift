import Foundation
import Testing

/// The seed of a test that plays with chance: another one each time, unless `BERTH_SEED` says which. A test that fails prints it
/// as its argument.
struct Seed: Sendable, CustomTestStringConvertible {
  let number: UInt64

  static let chosen = Seed(
    number: ProcessInfo.processInfo.environment["BERTH_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max))

  var testDescription: String { "BERTH_SEED=\(number)" }
}
