import Testing

/// Asks again until the answer is yes, for conditions that other programs bring about.
///
/// - Throws: ``HarnessError`` when it is still no after `seconds`.
func eventually(within seconds: Int = 30, _ what: String, _ condition: () async throws -> Bool) async throws {
  let clock = ContinuousClock()
  let deadline = clock.now + .seconds(seconds)
  while clock.now < deadline {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  throw HarnessError("not within \(seconds) seconds: \(what)")
}
