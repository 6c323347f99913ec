import Synchronization

/// Something that is made once, when it is first asked for, and that all who ask meanwhile wait for.
final class Shared<Value: Sendable>: Sendable {
  private let making = Mutex<Task<Value, any Error>?>(nil)

  func value(_ make: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let task = making.withLock { making in
      if let making { return making }
      let task = Task { try await make() }
      making = task
      return task
    }
    return try await task.value
  }
}
