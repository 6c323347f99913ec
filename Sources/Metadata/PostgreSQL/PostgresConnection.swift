import CPostgres
import Glibc
internal import Ground
import Synchronization

/// One connection to PostgreSQL, in libpq's pipeline mode: statements are sent as they come, and waited for together.
///
/// Used by one thread at a time, which it blocks while it waits.
final class PostgresConnection: SQLConnection {
  /// A bound on kept statements; our statements are fixed texts, some hundred.
  private static let statementLimit = 512
  /// How much longer than the server we wait before a statement counts as lost.
  private static let grace: Duration = .seconds(5)

  /// What was sent and has not been answered.
  private enum Sent {
    case statement(any StatementSink)
    /// - Parameter text: the statement's.
    case preparation(text: String)
    case sync
  }

  private let handle: OpaquePointer
  private let settings: PostgresSettings
  private let figures: PostgresFigures
  private var statements: [String: String] = [:]
  /// No name is given twice: what one stood for may be there still.
  private var nextStatement = 0
  private var renderings: [String: String] = [:]
  private var sent: [Sent] = []
  private var nextAnswer = 0
  /// The first failure since the transaction began. Nothing can be committed after one.
  private var failure: (any Error)?
  private(set) var isBroken = false
  /// What the transaction that is under way may do takes as long as it takes: see ``liftStatementLimit()``.
  private var isUnlimited = false
  /// When it was made, in the pool's count of broken connections.
  let generation: Int

  init(_ settings: PostgresSettings, figures: PostgresFigures, generation: Int) throws {
    self.settings = settings
    self.figures = figures
    self.generation = generation
    handle = try PostgresConnector(settings).connect()
    berth_pq_set_nonblocking(handle, 1)
    guard berth_pq_enter_pipeline(handle) == 1 else {
      berth_pq_finish(handle)
      throw PostgresError(kind: .unavailable, message: "the connection cannot be put into pipeline mode")
    }
  }

  deinit { berth_pq_finish(handle) }

  // MARK: Statements

  func run(_ sql: SQL, row: (borrowing Row) throws -> Bool) throws -> Int {
    try withoutActuallyEscaping(row) { row in
      let sink = ClosureSink(row)
      try submit(sql, to: sink)
      try settle()
      return sink.changed
    }
  }

  func submit(_ sql: SQL, to sink: any StatementSink) throws {
    guard !isBroken else { throw lost("the connection was lost before") }
    let parameters = PostgresParameters(sql.values)
    let status: Int32
    if settings.preparesStatements && sql.isKept {
      let name = try prepare(sql.text, parameters)
      status = parameters.withPointers { values, lengths, formats in
        berth_pq_send_prepared(handle, name, Int32(sql.values.count), values, lengths, formats, 1)
      }
    } else {
      let text = sql.isKept ? rendering(of: sql.text) : SQLDialect.postgreSQL.render(sql.text)
      status = parameters.withPointers { values, lengths, formats in
        berth_pq_send_params(handle, text, Int32(sql.values.count), parameters.types, values, lengths, formats, 1)
      }
    }
    guard status == 1 else { throw lost(libraryMessage) }
    sent.append(.statement(sink))
  }

  private func prepare(_ text: String, _ parameters: PostgresParameters) throws -> String {
    if let known = statements[text] { return known }
    // More than there are texts in this program: only a mistake comes here, and then the connection is replaced.
    guard nextStatement < Self.statementLimit else { throw lost("too many statements are prepared") }
    let name = "s\(nextStatement)"
    nextStatement += 1
    guard
      berth_pq_send_prepare(
        handle, name, rendering(of: text), Int32(parameters.types.count), parameters.types) == 1
    else { throw lost(libraryMessage) }
    sent.append(.preparation(text: text))
    statements[text] = name
    return name
  }

  private func rendering(of text: String) -> String {
    if let known = renderings[text] { return known }
    let rendered = SQLDialect.postgreSQL.render(text)
    renderings[text] = rendered
    return rendered
  }

  func settle() throws {
    guard nextAnswer < sent.count else { return try throwFailure() }
    try send()
    figures.roundTrips.wrappingAdd(1, ordering: .relaxed)
    let deadline = self.deadline
    while nextAnswer < sent.count {
      try receiveAnswer(to: sent[nextAnswer], by: deadline)
      nextAnswer += 1
    }
    sent.removeAll(keepingCapacity: true)
    nextAnswer = 0
    try throwFailure()
  }

  private func throwFailure() throws {
    if let failure { throw failure }
  }

  /// Sends what is queued, and asks the server to answer it, without waiting for the answers.
  func send() throws {
    guard !isBroken else { throw lost("the connection was lost before") }
    guard berth_pq_pipeline_sync(handle) == 1 else { throw lost(libraryMessage) }
    sent.append(.sync)
    let deadline = self.deadline
    while true {
      switch berth_pq_flush(handle) {
      case 0: return
      case 1:
        // The server may be waiting for us to take its answers before it takes more.
        let events = try wait(for: Int16(POLLIN) | Int16(POLLOUT), until: deadline)
        if events & Int16(POLLIN) != 0, berth_pq_consume_input(handle) == 0 { throw lost(libraryMessage) }
      default: throw lost(libraryMessage)
      }
    }
  }

  /// Until when an answer is waited for; nil: for ever.
  private var deadline: ContinuousClock.Instant? {
    isUnlimited ? nil : .now + settings.statementTimeout + Self.grace
  }

  // MARK: Transactions

  func begin(_ sql: SQL) throws {
    failure = nil
    isUnlimited = false
    try submit(sql, to: NoRows.sink)
    // Behind a pooler the session is others' too.
    if !settings.preparesStatements { try submit(settings.transactionLimits, to: NoRows.sink) }
  }

  /// In this transaction a statement, and our wait for its answer, may take any time, and waits for no lock longer than others
  /// do unless `waits` says so. That the server is gone is told by TCP.
  ///
  /// - Precondition: a transaction has begun.
  func liftStatementLimit(waits: Bool) throws {
    isUnlimited = true
    let lockLimit = waits ? "0" : "\(settings.statementLimitMilliseconds)"
    try submit(
      "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', \(lockLimit), true)",
      to: NoRows.sink)
  }

  /// - Throws: kind `lostInCommit` when nobody knows whether it happened.
  func commit() throws {
    try throwFailure()
    try submit("COMMIT", to: NoRows.sink)
    do {
      try settle()
    } catch let error as PostgresError where error.leavesCommitUnknown {
      throw PostgresError(kind: .lostInCommit, message: error.message)
    }
  }

  /// Ends a transaction that has read, without waiting for the answer.
  func endReading() throws {
    try throwFailure()
    try submit("COMMIT", to: NoRows.sink)
    try send()
  }

  /// Ends the transaction. A connection that cannot even do that is broken.
  func rollback() {
    guard !isBroken else { return }
    do {
      try? settle()  // What is still queued; its failure was told, or does not matter any more.
      failure = nil
      try submit("ROLLBACK", to: NoRows.sink)
      try settle()
    } catch {
      isBroken = true
    }
  }

  // MARK: Answers

  private func receiveAnswer(to request: Sent, by deadline: ContinuousClock.Instant?) throws {
    switch request {
    case .sync:
      while true {
        guard let result = try nextResult(by: deadline) else {
          // Nothing more will come of one that was cut, or whose bytes libpq could not make out.
          guard berth_pq_status(handle) == BERTH_PQ_CONNECTION_OK else { throw lost(libraryMessage) }
          continue
        }
        defer { berth_pq_clear(result) }
        if berth_pq_result_status(result) == BERTH_PQ_PIPELINE_SYNC { return }
        note(result)
      }
    case .preparation(let text):
      while let result = try nextResult(by: deadline) {
        if berth_pq_result_status(result) != BERTH_PQ_COMMAND_OK {
          // Passed over because something before it failed, it is not there for who needs it next.
          statements[text] = nil
          note(result)
        }
        berth_pq_clear(result)
      }
    case .statement(let sink):
      while let result = try nextResult(by: deadline) {
        deliver(result, to: sink)
        berth_pq_clear(result)
      }
    }
  }

  private func deliver(_ result: OpaquePointer, to sink: any StatementSink) {
    switch berth_pq_result_status(result) {
    case BERTH_PQ_TUPLES_OK:
      let row = PostgresRow(result)
      do {
        for index in 0..<berth_pq_rows(result) {
          row.index = index
          if try !sink.row(Row(columns: row)) { break }
        }
      } catch {
        if failure == nil { failure = error }
      }
      sink.finished(changed: Int(String(cString: berth_pq_changed(result))) ?? 0)
    case BERTH_PQ_COMMAND_OK: sink.finished(changed: Int(String(cString: berth_pq_changed(result))) ?? 0)
    default: note(result)
    }
  }

  /// Keeps the first failure; what follows it in the pipeline was not done.
  private func note(_ result: OpaquePointer) {
    guard berth_pq_result_status(result) == BERTH_PQ_FATAL_ERROR else {
      if failure == nil, berth_pq_result_status(result) != BERTH_PQ_PIPELINE_ABORTED {
        failure = lost("the server answered something unexpected")
      }
      return
    }
    let state = field(result, BERTH_PQ_SQLSTATE)
    guard !state.isEmpty else {
      if failure == nil { failure = lost(libraryMessage) }
      return
    }
    // A statement that a pooler or a failed migration let us forget would fail for ever.
    if state == "26000" || state == "42P05" { isBroken = true }
    let error = PostgresError(kind: .refused(state: state), message: field(result, BERTH_PQ_MESSAGE))
    if error.breaksConnection { isBroken = true }
    if failure == nil { failure = error }
  }

  private func field(_ result: OpaquePointer, _ code: Int32) -> String {
    berth_pq_result_field(result, code).map { String(cString: $0) } ?? ""
  }

  /// The next result, or nil after the last one of a statement.
  private func nextResult(by deadline: ContinuousClock.Instant?) throws -> OpaquePointer? {
    while berth_pq_is_busy(handle) == 1 {
      _ = try wait(for: Int16(POLLIN), until: deadline)
      guard berth_pq_consume_input(handle) == 1 else { throw lost(libraryMessage) }
    }
    return berth_pq_get_result(handle)
  }

  private func wait(for events: Int16, until deadline: ContinuousClock.Instant?) throws -> Int16 {
    var descriptor = pollfd(fd: berth_pq_socket(handle), events: events, revents: 0)
    guard descriptor.fd >= 0 else { throw lost(libraryMessage) }
    // poll(2): a negative time is without end.
    let milliseconds = deadline.map { Int32(clamping: max(0, ($0 - .now).wholeMicroseconds / 1000)) } ?? -1
    let count = poll(&descriptor, 1, milliseconds)
    if count == 0 { throw lost("no answer within \(settings.statementTimeout)") }
    return count < 0 ? 0 : descriptor.revents
  }

  private func lost(_ message: String) -> PostgresError {
    isBroken = true
    // Nobody will be answered any more; and those who wait must not be kept, for some are closures of a caller's stack.
    sent = []
    nextAnswer = 0
    return PostgresError(kind: .lost, message: message)
  }

  /// libpq's last message, on one line.
  private var libraryMessage: String {
    let text = String(cString: berth_pq_error_message(handle))
    return text.split(separator: "\n").joined(separator: "; ")
  }

  var serverVersion: Int { Int(berth_pq_server_version(handle)) }
}

/// Takes the rows of a statement that is waited for.
private final class ClosureSink: StatementSink {
  private let take: (borrowing Row) throws -> Bool
  var changed = 0

  init(_ take: @escaping (borrowing Row) throws -> Bool) { self.take = take }
  func row(_ row: borrowing Row) throws -> Bool { try take(row) }
  func finished(changed: Int) { self.changed = changed }
}

final class NoRows: StatementSink, Sendable {
  static let sink = NoRows()
  func row(_ row: borrowing Row) -> Bool { true }
  func finished(changed: Int) {}
}
