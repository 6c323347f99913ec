import Glibc

/// What the single server and the cluster of SeaweedFS have in common.
enum SeaweedPrograms {
  static let identities = """
    {"identities": [{
      "name": "berth",
      "credentials": [
        {"accessKey": "\(ObjectStoreServer.accessKey)", "secretKey": "\(ObjectStoreServer.secretKey)"}
      ],
      "actions": ["Admin", "Read", "Write", "List", "Tagging"]
    }]}
    """

  /// The program that `make test` installs, or the one in `BERTH_TEST_WEED`.
  static func find() throws -> String {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let path = environmentVariable("BERTH_TEST_WEED") ?? "/\(root)/.build-tools/venv/bin/weed"
    guard access(path, X_OK) == 0 else {
      throw LabError("SeaweedFS is not at \(path): `make test-packages` installs it")
    }
    return path
  }

  /// One volume at a time for a bucket, or many buckets would use up what a server may have.
  static func environment(home: String) -> [String: String] {
    ["HOME": home, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1", "WEED_MASTER_VOLUME_GROWTH_COPY_2": "1"]
  }

  /// Waits until files can be written and S3 answers.
  static func waitUntilReady(_ program: ServerProgram, s3Port: UInt16, filerPort: UInt16) async throws {
    let probe = BucketBackdoor(filerPort: filerPort, bucket: "probe")
    try await untilTrue(within: .seconds(60), "SeaweedFS answers\n\(program.log)") {
      guard program.isRunning else { return true }
      guard (try? await probe.put([1], at: "probe")) != nil else { return false }
      let answer = try? await BucketBackdoor.exchange(RawRequest("GET", "/status"), port: s3Port)
      return answer?.status == 200
    }
    guard program.isRunning else { throw LabError("SeaweedFS does not start\n\(program.log)") }
    try await probe.removeBucket()
  }
}
