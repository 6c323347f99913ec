import AsyncHTTPClient
internal import Ground
internal import NIOCore
internal import NIOHTTP1
internal import OCI

extension S3Client {
  /// From so much on a difference of clocks is told. A store refuses requests, and signed URLs, that are 15 minutes off, and a URL
  /// lives for less than that.
  private static let clockTolerance: Duration = .seconds(180)

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
    if let skew = await clockProblem(key) { problems.append(skew) }
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
    }
    _ = await trying("giving up an upload in parts") {
      let upload = try await beginParts(of: key + "-given-up")
      try await abortParts(of: key + "-given-up", upload: upload)
    }
    _ = await trying("listing uploads in parts") { _ = try await listUploads(prefix: "check/", after: nil, limit: 1) }
    _ = await trying("removing objects") { try await remove([key, key + "-parts"]) }
    return problems
  }

  /// What the `Date` of an answer says of this machine's clock.
  private func clockProblem(_ key: String) async -> String? {
    guard let response = try? await send(S3Request(.head, .HEAD, key: key)),
      let theirs = response.headers.first(name: "date").flatMap({ Timestamp(httpDate: $0) })
    else { return nil }
    let ahead = theirs - time.now
    guard ahead > Self.clockTolerance || ahead < .zero - Self.clockTolerance else { return nil }
    let seconds = Int(ahead.inSeconds.magnitude)
    let size = seconds < 7200 ? "\(seconds / 60) minutes" : "\(seconds / 3600) hours"
    return
      "the clock of the object store is \(size) \(ahead > .zero ? "ahead of" : "behind") this machine's: signed URLs are "
      + "refused when clocks differ by more than their lifetime, and requests by more than 15 minutes (set both by NTP)"
  }
}
