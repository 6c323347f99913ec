import Glibc

/// A program that was run to its end, in the thread that asked.
///
/// Foundation's `Process` is not used by tests: it copies whole entries of a folder past the end of what `readdir` gave it, and now and
/// then ends the process that way.
public struct FinishedProgram: Sendable {
  /// Its exit code; 128 and the signal's number when a signal ended it.
  public let status: Int32
  /// What it printed, errors included.
  public let output: [UInt8]

  public var text: String { String(decoding: output, as: UTF8.self) }

  /// Runs a program that is found in the search path of this process, in an environment like its own.
  ///
  /// - Parameter folder: where it runs; nil: where this process does.
  /// - Throws: ``LabError`` when it cannot be started.
  public init(_ program: String, _ arguments: [String], in folder: String? = nil) throws {
    var template = Array("/tmp/berth-output-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw LabError("cannot create a file in /tmp: errno \(errno)") }
    let file = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    defer {
      close(descriptor)
      unlink(file)
    }
    let place = folder.map { ["-C", $0] } ?? []
    let process = try spawn(
      "/usr/bin/env", place + [program] + arguments, environment: Self.environment, output: descriptor)
    var raw: Int32 = 0
    while waitpid(process, &raw, 0) == -1, errno == EINTR {}
    status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
    output = try readBytes(file)
  }

  private static let environment: [String: String] = {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      next += 1
    }
    return variables
  }()
}
