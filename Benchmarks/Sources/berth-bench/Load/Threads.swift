import Foundation
import Synchronization

/// Runs a body on several threads at once and waits for all of them.
///
/// - Throws: the first error, after every thread has ended.
func onThreads<Value: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (_ index: Int) throws -> Value
) throws -> [Value] {
  let results = ThreadResults<Value>(count: count)
  let done = DispatchGroup()
  for index in 0..<count {
    done.enter()
    Thread.detachNewThread {
      results.set(index, Result { try body(index) })
      done.leave()
    }
  }
  done.wait()
  return try results.all().map { try $0.get() }
}

private final class ThreadResults<Value: Sendable>: Sendable {
  private let values: Mutex<[Result<Value, any Error>?]>

  init(count: Int) {
    values = Mutex(Array(repeating: nil, count: count))
  }

  func set(_ index: Int, _ value: Result<Value, any Error>) {
    values.withLock { $0[index] = value }
  }

  func all() -> [Result<Value, any Error>] {
    values.withLock { $0.compactMap(\.self) }
  }
}

/// A flag that one thread raises and others look at.
final class Flag: Sendable {
  private let value = Atomic<Bool>(false)

  var isRaised: Bool { value.load(ordering: .relaxed) }

  func raise() {
    value.store(true, ordering: .relaxed)
  }
}

/// Hands out the numbers from 0 to a limit, each once, to many threads.
final class Counter: Sendable {
  private let value = Atomic<Int>(0)
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
  }

  func next() -> Int? {
    let number = value.wrappingAdd(1, ordering: .relaxed).oldValue
    return number < limit ? number : nil
  }
}
