public import Synchronization

/// A value that can be exchanged while others use it: settings that a reload changes.
public final class Live<Value: Sendable>: Sendable {
  /// One version of the value. Who asks for a part of it copies that part alone.
  @usableFromInline
  final class Version: Sendable {
    @usableFromInline let value: Value

    @inlinable
    init(_ value: Value) { self.value = value }
  }

  @usableFromInline let current: Mutex<Version>

  public init(_ value: Value) { current = Mutex(Version(value)) }

  @inlinable public var value: Value {
    get { current.withLock { $0 }.value }
    set {
      let version = Version(newValue)
      current.withLock { $0 = version }
    }
  }
}
