import Foundation
import Glibc
import Synchronization

/// Leaves the machine as it was found, however the benchmark ends.
enum Cleanup {
  private static let directory = Mutex<String?>(nil)

  /// Makes the directory that holds all data of this run, removed by `run`.
  static func makeDirectory(under parent: String) throws -> String {
    var template = Array("\(parent)/berth-bench.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw BenchError("cannot make a directory under \(parent): \(String(cString: strerror(errno)))")
    }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    directory.withLock { $0 = path }
    return path
  }

  /// Stops every server and removes the data.
  static func run() {
    ChildProcess.stopAll()
    directory.withLock { path in
      guard let present = path else { return }
      // Once more where a thread that is being interrupted has just written a file.
      for _ in 0..<3 where access(present, F_OK) == 0 { removeTree(present) }
      path = nil
    }
  }

  /// Cleans up on SIGINT, SIGTERM and SIGHUP. Must be called before any thread is started: they inherit the mask.
  static func watchSignals() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    signal(SIGPIPE, SIG_IGN)
    let watched = signals
    Thread.detachNewThread {
      var set = watched
      var number: Int32 = 0
      sigwait(&set, &number)
      Cleanup.run()
      _exit(128 + number)
    }
  }
}
