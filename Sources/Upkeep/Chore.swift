/// Work that is planned first, so that the plan can be shown instead of carried out.
public protocol Chore: Sendable {
  associatedtype Plan: Sendable
  /// What is to be done now; nil when there is nothing.
  func plan() async throws -> Plan?
  /// Does it. What has changed since the plan was made is looked at again, and left alone.
  func carryOut(_ plan: Plan) async throws
}

/// Holds work to a number of units a second.
public struct Pace: Sendable {
  public let unitsPerSecond: Int

  public init(unitsPerSecond: Int) { self.unitsPerSecond = unitsPerSecond }

  /// How long to rest after so many units.
  public func rest(after units: Int) -> Duration {
    guard unitsPerSecond > 0 else { return .zero }
    return .nanoseconds(Int64(units) * 1_000_000_000 / Int64(unitsPerSecond))
  }
}
