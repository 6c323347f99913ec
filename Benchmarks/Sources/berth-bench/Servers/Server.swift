import Foundation
import Glibc

/// A running server under measurement.
struct Server: Sendable {
  let subject: Subject
  let process: ChildProcess
  let port: UInt16
  /// Whether the port speaks TLS.
  let tls: Bool
  /// Where the server keeps its data; for nginx the document root.
  let data: String

  var figures: ProcessFigures { ProcessFigures(pid: process.pid) }
  var address: String { "127.0.0.1:\(port)" }

  func stop() {
    process.stop()
  }

  /// Waits until `/v2/` answers 200.
  ///
  /// - Returns: when it did, on the clock of `nowNanoseconds`.
  /// - Throws: when the process ends, or has not answered after 20 seconds.
  @discardableResult
  func waitUntilReady(log: String) throws -> UInt64 {
    let start = nowNanoseconds()
    while secondsSince(start) < 20 {
      if let connection = try? HTTPConnection(port: port, tls: tls),
        let response = try? connection.send("GET", "/v2/"), response.head.status == 200
      {
        return nowNanoseconds()
      }
      guard process.isRunning else { break }
      usleep(200)
    }
    let tail = ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").suffix(600)
    throw BenchError("\(subject.name) does not answer; its log ends: \(tail)")
  }
}
