import BlobStorage
import Foundation
import NIOCore
import OCI
import TestSupport
import Testing

@testable import Upkeep

/// The process that reads a layer may do what it likes: it is that layer's misfortune, and nobody else's.
@Suite struct `A worker that breaks` {
  /// A program whose copies run the script that lies beside it.
  private static let folder = ForkingProgram.built(
    "worker",
    #"""
    #include "ForkServer.h"
    #include <stdio.h>
    #include <unistd.h>

    int main(int count, char **words) {
      char script[4096];
      if (berth_serve_forks(0) != 0) return 0;
      snprintf(script, sizeof(script), "%s.sh", words[0]);
      execl("/bin/sh", "sh", script, NULL);
      return 127;
    }

    """#)

  private static func program(_ script: String) throws -> String {
    let path = try folder.get() + "/" + UUID().uuidString
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "worker")
    try Data("\(script)\n".utf8).write(to: URL(filePath: path + ".sh"))
    return path
  }

  private static func failure(by inspector: any LayerInspector, _ bytes: Int = 300_000) async throws
    -> InspectionFailure?
  {
    let content = [UInt8](repeating: 1, count: bytes)
    let layer = StoredBlob(digest: SampleBlob(content).digest, sizeBytes: Int64(bytes), place: nil)
    let body = BlobBody.remote(
      RemoteBlob(layer) { _ in
        BlobChunks(
          AsyncStream {
            $0.yield(ByteBuffer(bytes: content)); $0.finish()
          })
      })
    do {
      _ = try await inspector.inspect(body)
      return nil
    } catch let failure as InspectionFailure {
      return failure
    }
  }

  /// The processes that run a program, by what they were started as.
  private static func processes(of path: String) throws -> [pid_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { process in
      guard let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
      return words.starts(with: Data(path.utf8) + [0])
    }
  }

  @Test(arguments: [
    ("exit 3", "the worker ended with status 3 and no answer"),
    ("kill -9 $$", "the worker was ended by signal 9"),
    ("cat > /dev/null; kill -11 $$", "the worker was ended by signal 11"),
    // What looks like the head of a large frame, of which the rest never comes.
    ("exec cat", "the worker ended with status 0 and no answer"),
    ("cat > /dev/null; printf '\\377\\000\\000\\000\\000'", "the worker told what no worker tells"),
    // The head of a frame, and nothing behind it.
    ("cat > /dev/null; printf '\\002\\001\\000\\000\\000'", "the worker ended with status 0 and no answer"),
    ("cat > /dev/null; printf '\\002\\001\\000\\000\\000x'", "the worker told what no worker tells"),
  ])
  func `marks the layer with a reason, and may be tried again`(script: String, reason: String) async throws {
    let failure = try #require(try await Self.failure(by: WorkerInspector(executable: Self.program(script))))
    #expect(failure.reason == reason)
    #expect(!failure.isLasting)
  }

  /// The second is told of, by a frame that says why it is not read.
  private static let onceBroken = """
    cat > /dev/null
    [ -e "$0.second" ] && printf '\\004\\003\\000\\000\\000odd' && exit 0
    touch "$0.second"
    kill -9 $$
    """

  @Test func `leaves the layers after it alone, and nothing of them is left at the end`() async throws {
    let path = try Self.program(Self.onceBroken)
    func readTwo() async throws -> Int {
      let series = WorkerInspector(executable: path).forSeveral()
      #expect(try await Self.failure(by: series)?.reason == "the worker was ended by signal 9")
      #expect(try await Self.failure(by: series)?.reason == "odd")
      return try withExtendedLifetime(series) { try Self.processes(of: path).count }
    }
    #expect(try await readTwo() == 1)
    #expect(try Self.processes(of: path) == [])
  }

  @Test func `may take what makes workers along: another takes its place`() async throws {
    let path = try Self.program(Self.onceBroken)
    let series = WorkerInspector(executable: path).forSeveral()
    #expect(try await Self.failure(by: series)?.reason == "the worker was ended by signal 9")
    let first = try #require(try Self.processes(of: path).first)
    kill(first, SIGKILL)
    #expect(try await Self.failure(by: series)?.reason == "odd")
    #expect(try Self.processes(of: path).first != first)
  }

  /// As in an emulator that plays clone(2) otherwise.
  @Test func `is started itself where no copies can be made`() async throws {
    let path = try Self.program("") + "-alone"
    try Data("#!/bin/sh\nexit 3\n".utf8).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    #expect(
      try await Self.failure(by: WorkerInspector(executable: path))?.reason
        == "the worker ended with status 3 and no answer")
  }

  @Test func `that is not there is said`() async throws {
    let body = BlobBody.remote(
      RemoteBlob(StoredBlob(digest: SampleBlob([]).digest, sizeBytes: 0, place: nil)) { _ in
        BlobChunks(AsyncStream { $0.finish() })
      })
    await #expect(throws: ProcessError.self) {
      _ = try await WorkerInspector(executable: "/nowhere/berth").inspect(body)
    }
  }
}
