import OCI

/// Looks into a bucket, and does things to it, past S3: by the HTTP of the filer below it. So a test can judge what an
/// S3 client has done without another one, and lose or spoil an object behind the back of its owner.
public struct BucketBackdoor: Sendable {
  let filerPort: UInt16
  let bucket: String

  /// The keys of all objects, in the order of their bytes. Parts of unfinished uploads are not among them.
  public func keys() async throws -> [String] {
    try await entries(below: "").filter { !$0.hasPrefix(".uploads/") }.sorted()
  }

  /// The ids of multipart uploads that are neither complete nor aborted.
  public func unfinishedUploads() async throws -> [String] {
    try await children(of: ".uploads/").map(\.name).sorted()
  }

  /// The bytes of an object; nil when there is none.
  public func bytes(of key: String) async throws -> [UInt8]? {
    let answer = try await Self.exchange(RawRequest("GET", path(key)), port: filerPort)
    if answer.status == 404 { return nil }
    try Self.require(answer, "reading \(key)")
    return answer.body
  }

  /// Removes an object.
  public func remove(_ key: String) async throws {
    try Self.require(try await Self.exchange(RawRequest("DELETE", path(key)), port: filerPort), "removing \(key)")
  }

  /// Replaces or makes an object.
  public func put(_ bytes: [UInt8], at key: String) async throws {
    let request = RawRequest(
      "PUT", path(key), [RawField("Content-Type", "application/octet-stream")], body: .bytes(bytes))
    try Self.require(try await Self.exchange(request, port: filerPort), "writing \(key)")
  }

  func makeBucket() async throws {
    try Self.require(try await Self.exchange(RawRequest("POST", path("")), port: filerPort), "making \(bucket)")
  }

  func removeBucket() async throws {
    let request = RawRequest("DELETE", path("") + "?recursive=true")
    try Self.require(try await Self.exchange(request, port: filerPort), "removing \(bucket)")
  }

  private struct Entry {
    let name: String
    let isFolder: Bool
  }

  private func entries(below folder: String) async throws -> [String] {
    var found: [String] = []
    for entry in try await children(of: folder) {
      if entry.isFolder {
        found += try await entries(below: "\(folder)\(entry.name)/")
      } else {
        found.append(folder + entry.name)
      }
    }
    return found
  }

  private func children(of folder: String) async throws -> [Entry] {
    let request = RawRequest("GET", path(folder) + "?limit=100000", [RawField("Accept", "application/json")])
    let answer = try await Self.exchange(request, port: filerPort)
    if answer.status == 404 { return [] }
    try Self.require(answer, "listing \(folder)")
    guard let listing = try? JSONValue.parse(answer.text), let entries = listing["Entries"]?.array else { return [] }
    return entries.compactMap { entry in
      guard let full = entry["FullPath"]?.string, let name = full.split(separator: "/").last else { return nil }
      // The mode is that of Go, whose highest bit says folder.
      let mode = entry["Mode"]?.integer ?? 0
      return Entry(name: String(name), isFolder: mode & (1 << 31) != 0)
    }
  }

  private func path(_ key: String) -> String { "/buckets/\(bucket)/\(key)" }

  static func exchange(_ request: RawRequest, port: UInt16) async throws -> RawResponse {
    let connection = try await RawHTTPConnection.open(host: "127.0.0.1", port: Int(port))
    let answer = try await connection.exchange(request.bytes(host: "127.0.0.1:\(port)"), method: request.method)
    try await connection.close()
    return answer
  }

  private static func require(_ answer: RawResponse, _ what: String) throws {
    guard (200..<300).contains(answer.status) else { throw LabError("\(what): \(answer.status) \(answer.text)") }
  }
}
