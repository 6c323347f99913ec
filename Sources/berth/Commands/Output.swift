import Glibc

/// Prints lines. Texts of servers and images are in them, which must not move a terminal's cursor: in this target it takes the
/// place of what the language has.
func print(_ text: String) {
  Swift.print(forTerminal(text))
}

/// Writes a line to standard error.
func standardError(_ text: String) {
  write(forTerminal(text) + "\n", to: STDERR_FILENO)
}

/// Writes a text as it is.
func write(_ text: String, to descriptor: Int32) {
  _ = text.withCString { Glibc.write(descriptor, $0, strlen($0)) }
}

/// 1536 → `1.5 KiB`.
func sizeText(_ bytes: Int64) -> String {
  let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
  guard bytes >= 1024 else { return "\(bytes) B" }
  var value = Double(bytes)
  var unit = ""
  for next in units where value >= 1024 {
    value /= 1024
    unit = next
  }
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10) \(unit)"
}

/// `1 statement`, `2 statements`.
func counted(_ count: Int64, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

extension Result where Failure == any Error {
  /// The outcome of something that waits, for what has to be closed in either case.
  init(catching body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
