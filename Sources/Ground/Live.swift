import Synchronization

/// A value that can be exchanged while others use it: settings that a reload changes.
public final class Live<Value: Sendable>: Sendable {
  private let current: Mutex<Value>

  public init(_ value: Value) { current = Mutex(value) }

  public var value: Value {
    get { current.withLock { $0 } }
    set { current.withLock { $0 = newValue } }
  }
}
