public import BlobStorage
import Synchronization

/// The power of a simulated machine: counts every change that its disk and its database make, and can be cut before one
/// of them. Everything that happens afterwards is refused, so that nothing of the old life can go on.
///
/// To be cut *after* change k is the same as to be cut before change k + 1: between the two nothing durable happens.
public final class PowerSwitch: Sendable {
  private struct State {
    var changes = 0
    var isOn = true
    var cutBefore: Int?
  }
  private let state: Mutex<State>

  /// - Parameter cutBefore: the change, counted from 0, that does not happen any more; nil: power stays.
  public init(cutBefore: Int? = nil) { state = Mutex(State(cutBefore: cutBefore)) }

  /// How many changes were made or begun.
  public var changes: Int { state.withLock { $0.changes } }

  public var isOn: Bool { state.withLock { $0.isOn } }

  /// Cuts the power now.
  public func cut() { state.withLock { $0.isOn = false } }

  /// Cuts the power after so many more changes.
  public func cut(after changes: Int) { state.withLock { $0.cutBefore = $0.changes + changes } }

  /// Counts one change that is about to be made.
  /// - Throws: ``DiskError/powerCut`` when it must not be.
  public func change() throws(DiskError) {
    let goesOn = state.withLock { state in
      if state.changes == state.cutBefore { state.isOn = false }
      if state.isOn { state.changes += 1 }
      return state.isOn
    }
    if !goesOn { throw .powerCut }
  }

  /// - Throws: ``DiskError/powerCut`` when the power is off.
  public func check() throws(DiskError) {
    if !isOn { throw .powerCut }
  }
}

extension DiskError {
  /// What every call answers after the power was cut. No system answers such a code.
  public static let powerCut = DiskError(operation: "power cut", path: "", code: -1)
}
