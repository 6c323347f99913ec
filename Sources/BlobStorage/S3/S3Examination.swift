internal import Ground
internal import NIOCore
internal import OCI

extension S3Client {
  /// Tries everything that Berth needs of the store, with objects of its own that are removed again.
  ///
  /// - Returns: what does not work, in words with advice; empty when all is well.
  public func examine() async -> [String] {
    let key = "check/\(SystemRandom().hexadecimal(byteCount: 8))"
    let content = ByteBuffer(string: "berth config check")
    var problems: [String] = []
    func trying(_ what: String, _ body: () async throws -> Void) async -> Bool {
      do {
        try await body()
        return true
      } catch {
        problems.append("\(what): \(error)")
        return false
      }
    }
    guard await trying("storing an object", { try await put(content, to: key, sha256: nil) }) else { return problems }
    _ = await trying("reading a range of an object") {
      var count = 0
      for try await chunk in try await get(key, ByteRange(first: 6, last: 11)) { count += chunk.readableBytes }
      guard count == 6 else { throw ObjectStoreError.unavailable("\(count) bytes came instead of 6") }
    }
    _ = await trying("listing objects") {
      guard try await list(prefix: "check/", after: nil, limit: 1000).contains(where: { $0.key == key }) else {
        throw ObjectStoreError.unavailable("an object that was just stored is not listed")
      }
    }
    _ = await trying("an upload in parts") {
      let upload = try await beginParts(of: key + "-parts")
      let tag = try await putPart(content, 1, of: key + "-parts", upload: upload)
      try await completeParts(
        of: key + "-parts", upload: upload,
        parts: [.init(number: 1, entityTag: tag, sizeBytes: Int64(content.readableBytes))])
      let other = try await beginParts(of: key + "-given-up")
      try await abortParts(of: key + "-given-up", upload: other)
    }
    _ = await trying("removing objects") { try await remove([key, key + "-parts"]) }
    return problems
  }
}
