import Testing

extension Ledger.Contents {
  /// Reads every acknowledged image with all its blobs, and asks for every deleted one.
  func verify(at address: Address) async throws {
    let contents = self
    let threads = 4
    let problems = try await withThrowingTaskGroup(of: [String].self) { group in
      for part in 0..<threads {
        group.addTask {
          try await onOwnThread { try Self.problems(contents, part: part, of: threads, at: address) }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(problems.count == 0, "of \(contents.acknowledged.count) images: \(problems.prefix(10))")
  }

  private static func problems(
    _ contents: Ledger.Contents, part: Int, of parts: Int, at address: Address
  ) throws -> [String] {
    var connection = try HTTPConnection(address)
    var problems: [String] = []
    for index in stride(from: part, to: contents.acknowledged.count, by: parts) {
      let entry = contents.acknowledged[index]
      do {
        let digest = try RegistryReader.verify(connection, entry.repository, entry.tag)
        if digest != entry.digest { problems.append("\(entry) is now \(digest)") }
      } catch {
        problems.append("\(entry): \(error)")
        connection = try HTTPConnection(address)
      }
    }
    for index in stride(from: part, to: contents.deleted.count, by: parts) {
      let entry = contents.deleted[index]
      let answer = try connection.request("GET", "/v2/\(entry.repository)/manifests/\(entry.digest)")
      if answer.status != 404 { problems.append("\(entry) was deleted and answers \(answer.status)") }
    }
    return problems
  }
}
