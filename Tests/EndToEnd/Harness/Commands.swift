import Foundation
import OCI

/// The binary under test, as one person runs it.
struct Commands: Sendable {
  /// A printed table: its first line and the others, in columns.
  struct Table: Sendable {
    let heads: [String]
    let rows: [[String]]

    init(_ text: String) {
      let lines = text.split(separator: "\n").map { line in
        line.split(separator: /\s\s+/).map { String($0) }
      }
      heads = lines.first ?? []
      rows = Array(lines.dropFirst())
    }
  }

  private let environment: [String: String]

  init(_ server: ServerProcess, home: String? = nil) {
    environment = ["BERTH_SERVER": server.address.authority].merging(home.map { ["HOME": $0] } ?? [:]) { $1 }
  }

  /// Runs a command that must succeed.
  func run(_ arguments: [String]) async throws -> ProgramOutcome {
    try await ProgramRunner.succeed(ServerProcess.binary, arguments, environment: environment)
  }

  /// What a command prints for people.
  func text(_ arguments: String...) async throws -> String { try await run(arguments).trimmed }

  @discardableResult
  func table(_ arguments: String...) async throws -> Table { Table(try await run(arguments).text) }

  /// What it prints for programs.
  func value(_ arguments: String...) async throws -> JSONValue {
    try JSONValue.parse(try await run(arguments + ["--output", "json"]).trimmed)
  }

  func list(_ arguments: [String]) async throws -> [JSONValue] {
    let outcome = try await run(arguments + ["--output", "json"])
    guard let list = try JSONValue.parse(outcome.trimmed).array else { throw HarnessError(outcome.story) }
    return list
  }

  /// What a command tells that has to wait for others, which its exit code says too.
  func pending(_ arguments: [String]) async throws -> String {
    let outcome = try await ProgramRunner.run(ServerProcess.binary, arguments, environment: environment)
    guard outcome.ending == .exited(4) else { throw HarnessError(outcome.story) }
    return outcome.trimmed
  }

  /// What a command that must fail says.
  ///
  /// - Parameter code: how it must end; any code but 0 unless given.
  func refusal(_ arguments: String..., code: Int32? = nil) async throws -> String {
    let outcome = try await ProgramRunner.run(ServerProcess.binary, arguments, environment: environment)
    let isAsExpected = code.map { outcome.ending == .exited($0) } ?? !outcome.succeeded
    guard isAsExpected, !outcome.timedOut else { throw HarnessError(outcome.story) }
    return outcome.errors.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
