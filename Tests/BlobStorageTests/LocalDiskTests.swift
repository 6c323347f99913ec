import Foundation
import OCI
import TestSupport
import Testing

@testable import BlobStorage

@Suite struct `The disk of this machine` {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let directory = try temporaryDirectory()
    do {
      try body(directory)
    } catch {
      try removeTree(directory)
      throw error
    }
    try removeTree(directory)
  }

  @Test(
    arguments: [0, 1, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1, (2 << 20) - 1, (3 << 20) + 4096 + 7],
    [1000, 4096, 65_536, 1_500_000])
  func `appends a stream as it is, whatever the sizes of its pieces`(size: Int, piece: Int) throws {
    let blob = SampleBlob(seed: UInt64(size), size: size)
    try withDirectory { directory in
      let disk = LocalDisk()
      for start in [0, 4096, 5000] {
        let path = "\(directory)/\(start)"
        let file = try disk.open(path, .create)
        let before = [UInt8](repeating: 7, count: start)
        try before.withUnsafeBytes { try file.write($0, at: 0) }
        let appender = file.appender(at: Int64(start))
        for from in stride(from: 0, to: size, by: piece) {
          try blob.bytes[from..<min(from + piece, size)].withUnsafeBytes { try appender.append($0) }
        }
        try appender.finish()
        #expect(try file.size() == Int64(start + size))
        var content = [UInt8](repeating: 0, count: start + size + 10)
        let count = try content.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
        #expect(content.prefix(count).elementsEqual(before + blob.bytes))
      }
    }
  }

  @Test func `tells a missing file from other failures`() throws {
    try withDirectory { directory in
      let disk = LocalDisk()
      let missing = #expect(throws: DiskError.self) { try disk.open(directory + "/none", .read) }
      #expect(missing?.isMissingFile == true)
      let other = #expect(throws: DiskError.self) { try disk.open(directory, .write) }
      #expect(other?.isMissingFile == false)
      #expect(throws: DiskError.self) { try disk.unlink(directory + "/none") }
      #expect(throws: DiskError.self) { try disk.rename(directory + "/none", to: directory + "/other") }
      #expect(throws: DiskError.self) { try disk.list(directory + "/none") }
    }
  }

  @Test func `lists names sorted, and makes a directory once`() throws {
    try withDirectory { directory in
      let disk = LocalDisk()
      for name in ["b", "a", "c"] { _ = try disk.open("\(directory)/\(name)", .create) }
      #expect(try disk.makeDirectory(directory + "/d"))
      #expect(try !disk.makeDirectory(directory + "/d"))
      #expect(try disk.list(directory) == ["a", "b", "c", "d"])
    }
  }

  @Test func `belongs to one process at a time`() throws {
    try withDirectory { directory in
      let lock = try DirectoryLock(directory: directory)
      let held = #expect(throws: DirectoryLock.Held.self) { _ = try DirectoryLock(directory: directory) }
      #expect(held?.description.contains("is in use by another berth (process ") == true)
      withExtendedLifetime(lock) {}
    }
  }

  /// As one has that is being started at that moment.
  @Test func `is free as soon as it is let go of, whoever has a copy of its descriptor`() throws {
    try withDirectory { directory in
      let files = FileManager.default
      var lock: DirectoryLock? = try DirectoryLock(directory: directory)
      let descriptor = try #require(
        try files.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }.first {
          (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == directory + "/lock"
        })
      let copy = dup(descriptor)
      defer { close(copy) }
      withExtendedLifetime(lock) {}
      lock = nil
      _ = try DirectoryLock(directory: directory)
    }
  }

  @Test(arguments: ["", "A", "a-b", "../a", "a/b", "ü", String(repeating: "a", count: 65)])
  func `never sees an upload's identity of another form`(text: String) {
    #expect(UploadID(text) == nil)
  }
}
