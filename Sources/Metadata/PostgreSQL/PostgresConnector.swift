import CPostgres
import Glibc

/// Makes connections, within a time limit.
struct PostgresConnector {
  static let leastVersion = 150_000

  private let settings: PostgresSettings

  init(_ settings: PostgresSettings) { self.settings = settings }

  /// A connection that is ready. Blocks its thread.
  ///
  /// libpq waits, not we: by its own waiting it gives up a host that does not answer in time, and goes to the next.
  ///
  /// - Throws: ``PostgresError``; its message holds no password.
  func connect() throws -> OpaquePointer {
    if let problem = berth_pq_load() {
      throw PostgresError(kind: .unusable, message: String(cString: problem))
    }
    let parameters = self.parameters
    let made = withCStrings(parameters.map(\.name)) { names in
      withCStrings(parameters.map(\.value)) { values in berth_pq_connect(names, values) }
    }
    guard let handle = made else { throw unavailable("no memory for a connection") }
    do {
      guard berth_pq_status(handle) == BERTH_PQ_CONNECTION_OK else { throw refused(handle) }
      let version = Int(berth_pq_server_version(handle))
      guard version >= Self.leastVersion else {
        throw PostgresError(
          kind: .unusable, message: "PostgreSQL 15 or newer is needed, and this is \(version / 10_000)")
      }
      return handle
    } catch {
      berth_pq_finish(handle)
      throw error
    }
  }

  /// What stands after the URL wins over it, what stands before gives way to it.
  private var parameters: [(name: String, value: String)] {
    let milliseconds = settings.statementLimitMilliseconds
    var parameters = [
      (name: "application_name", value: "berth"),
      // A peer that is gone without a word is noticed.
      (name: "keepalives_idle", value: "30"), (name: "keepalives_interval", value: "10"),
      (name: "tcp_user_timeout", value: "\(milliseconds + 5000)"),
    ]
    if settings.preparesStatements {
      let options = [
        "statement_timeout=\(milliseconds)", "lock_timeout=\(milliseconds)",
        // Our statements take milliseconds; to compile one takes longer than to run it.
        "jit=off",
        "idle_in_transaction_session_timeout=\(settings.idleLimitMilliseconds)",
        // That a table is there already is no news to an operator.
        "client_min_messages=warning",
      ]
      parameters.append((name: "options", value: options.map { "-c \($0)" }.joined(separator: " ")))
    }
    parameters.append((name: "dbname", value: settings.url))
    parameters.append((name: "client_encoding", value: "UTF8"))
    // For each host, in whole seconds; libpq takes less than two for two.
    let seconds = Int((settings.connectTimeout / .seconds(1)).rounded(.up))
    parameters.append((name: "connect_timeout", value: "\(max(2, seconds))"))
    if let password = settings.password { parameters.append((name: "password", value: password)) }
    return parameters
  }

  /// Why the server did not let us in, in libpq's words, which name hosts and users and no password.
  private func refused(_ handle: OpaquePointer) -> PostgresError {
    unavailable(String(cString: berth_pq_error_message(handle)).split(separator: "\n").joined(separator: "; "))
  }

  private func unavailable(_ message: String) -> PostgresError { PostgresError(kind: .unavailable, message: message) }
}

/// Calls `body` with the strings as C has them, and a null pointer after the last.
private func withCStrings<R>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
) -> R {
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  let pointers = copies.map { UnsafePointer($0) } + [nil]
  return pointers.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("the array holds its end at least") }
    return body(base)
  }
}
