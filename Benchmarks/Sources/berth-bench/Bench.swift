import Foundation
import Glibc

/// One run: what is to be done, and the means to do it.
struct Bench {
  let plan: Plan
  let launcher: Launcher
  let temporaryParent: String

  /// Starts servers on fresh data, runs a body, stops them and removes their data.
  func withServers<Value>(
    _ subjects: [Subject], tls: Bool = false, _ body: ([Server]) throws -> Value
  ) throws -> Value {
    var servers: [Server] = []
    defer {
      for server in servers { server.stop() }
      for subject in subjects { removeHome(subject.name) }
    }
    for subject in subjects { servers.append(try launcher.start(subject, home: subject.name, tls: tls).server) }
    return try body(servers)
  }

  /// Removes a server's data, and waits until the disk has nothing left to do for it.
  func removeHome(_ home: String) {
    removeTree("\(launcher.directory)/\(home)")
    sync()
  }

  func say(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
  }
}
