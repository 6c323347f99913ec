import CLinux
import Glibc

/// A fixed number of threads that run the jobs of tasks which may block: disk, SQLite.
///
/// Use it as the preferred executor of a task: `Task(executorPreference: pool) { … }`. Jobs run in the order they came in;
/// the queue is bounded by what is let in at the door (connections, each with one request at a time), not here.
public final class WorkerPool: TaskExecutor, @unchecked Sendable {
  // Guarded by `lock`. A condition variable, which the standard library's Mutex lacks, is why this is done by hand.
  private var jobs: [UnownedJob?] = Array(repeating: nil, count: 256)
  private var head = 0
  private var count = 0
  private var idle = 0
  private var stopping = false
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let available: UnsafeMutablePointer<pthread_cond_t>
  private var threads: [pthread_t] = []

  public let threadCount: Int

  /// - Parameters:
  ///   - name: shown by `ps -L`; at most 15 bytes are kept.
  ///   - niceness: how much its threads give way to others (nice(2)).
  public init(name: String, threads threadCount: Int, niceness: Int = 0) {
    precondition(threadCount > 0)
    self.threadCount = threadCount
    lock = .allocate(capacity: 1)
    available = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(available, nil)
    for _ in 0..<threadCount {
      let box = Unmanaged.passRetained(ThreadStart(pool: self, name: name, niceness: niceness))
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
          berth_name_thread(start.name)
          berth_lower_priority(Int32(start.niceness))
          start.pool.work()
          return nil
        }, box.toOpaque())
      precondition(status == 0, "cannot start a worker thread: errno \(status)")
      threads.append(thread)
    }
  }

  private final class ThreadStart: Sendable {
    let pool: WorkerPool
    let name: String
    let niceness: Int
    init(pool: WorkerPool, name: String, niceness: Int) {
      self.pool = pool
      self.name = name
      self.niceness = niceness
    }
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    pthread_mutex_lock(lock)
    if count == jobs.count { grow() }
    jobs[(head + count) & (jobs.count - 1)] = job
    count += 1
    let wake = idle > 0
    pthread_mutex_unlock(lock)
    if wake { pthread_cond_signal(available) }
  }

  /// Jobs that wait for a thread, for `/metrics`.
  public var queueLength: Int {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return count
  }

  /// Ends the threads once the queue is empty and waits for them. Only for tests, whose pools come and go.
  public func stop() {
    pthread_mutex_lock(lock)
    stopping = true
    pthread_mutex_unlock(lock)
    pthread_cond_broadcast(available)
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  private func grow() {
    var larger: [UnownedJob?] = Array(repeating: nil, count: jobs.count * 2)
    for index in 0..<count { larger[index] = jobs[(head + index) & (jobs.count - 1)] }
    jobs = larger
    head = 0
  }

  private func work() {
    while true {
      pthread_mutex_lock(lock)
      while count == 0 && !stopping {
        idle += 1
        pthread_cond_wait(available, lock)
        idle -= 1
      }
      guard count > 0, let job = jobs[head] else {
        pthread_mutex_unlock(lock)
        return
      }
      jobs[head] = nil
      head = (head + 1) & (jobs.count - 1)
      count -= 1
      pthread_mutex_unlock(lock)
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}
