import Glibc
import OCI

@testable import Scanning

// Files of advisories, and what a worker tells, which a layer may have taken over.
extension Target {
  static let records: [Target] = [
    Target("record-zip", bytes: RecordSeeds.zips) { RecordSeeds.walk($0, ".zip") },
    Target("record-tar", bytes: [ScanSeeds.layer] + RecordSeeds.packedLayers) { RecordSeeds.walk($0, ".tar.gz") },
    Target("record-lines", bytes: [RecordSeeds.lines] + RecordSeeds.packed(RecordSeeds.lines)) {
      RecordSeeds.walk($0, ".jsonl")
    },
    Target("modified-list", ["2026-08-15T00:05:00Z,GHSA-xxxx-yyyy-zzzz", "2026-08-15T00:05:00.123456Z,CVE-2026-1"]) {
      bytes in
      guard
        let name = try? bytes.withUnsafeBytes({ try ModifiedList.name($0, changedSince: "2026-01-01T00:00:00Z") })
      else { return }
      precondition(!name.contains("/") && !name.hasPrefix("."), "a name that leads out of its folder")
    },
    Target("worker-frame", bytes: [RecordSeeds.frames]) { bytes in
      // The same frames, however the bytes come.
      func frames(_ size: Int) -> [WorkerFrame]? {
        var reader = WorkerFrameReader()
        var found: [WorkerFrame] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
          let part = Array(bytes[start..<min(bytes.count, start + size)])
          guard let some = try? part.withUnsafeBytes({ try reader.take($0) }) else { return nil }
          found += some
        }
        return found
      }
      let whole = frames(max(1, bytes.count))
      precondition(whole == frames(1000))
      for case .inventory(let inventory) in whole ?? [] { _ = try? LayerInventory(decoding: inventory) }
    },
    Target("file-list", bytes: RecordSeeds.fileLists) { _ = try? FileListCoding.files(in: $0) },
    Target(
      "cvss",
      [
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A/CR:H/MAV:L",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:L/A:N", "CVSS:3.0/AV:L/AC:H/PR:H/UI:N/S:U/C:N/I:N/A:H",
        "AV:N/AC:L/Au:N/C:P/I:P/A:P",
      ]
    ) { bytes in
      guard let rating = CVSS.rating(String(decoding: bytes, as: UTF8.self)) else { return }
      precondition((0...10).contains(rating.score))
    },
  ]
}

enum RecordSeeds {
  /// As a file of such a name is read.
  static func walk(_ bytes: [UInt8], _ ending: String) {
    let path = "/tmp/berth-fuzz-records-\(getpid())\(ending)"
    guard write(bytes, to: path) else { return }
    defer { unlink(path) }
    var count = 0
    try? RecordFiles.each(at: path, limitBytes: 1 << 20) { record in
      precondition(record.count <= 1 << 20)
      count += 1
    }
    try? RecordFiles.whole(at: path, limitBytes: 1 << 20) { _ in }
  }

  private static func write(_ bytes: [UInt8], to path: String) -> Bool {
    guard let file = fopen(path, "w") else { return false }
    defer { fclose(file) }
    return bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) } == bytes.count
  }

  private static func read(_ file: UnsafeMutablePointer<FILE>) -> [UInt8] {
    var all: [UInt8] = []
    var space = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&space, 1, space.count, file)
      guard count > 0 else { return all }
      all += space[..<count]
    }
  }

  /// Packed by the programs that are here.
  static func packed(_ bytes: [UInt8]) -> [[UInt8]] {
    let path = "/tmp/berth-fuzz-seed-\(getpid())-\(bytes.count)"
    guard write(bytes, to: path) else { return [] }
    defer { unlink(path) }
    return ["gzip", "zstd", "xz", "bzip2"].compactMap { program in
      guard let pipe = popen("\(program) -c < \(path) 2> /dev/null", "r") else { return nil }
      let packed = read(pipe)
      return pclose(pipe) == 0 && !packed.isEmpty ? packed : nil
    }
  }

  static let packedLayers = packed(ScanSeeds.layer)
  static let lines = Array((ScanSeeds.advisories[0] + "\n" + ScanSeeds.advisories[0] + "\n").utf8)

  /// Beside the repository, above this file's folders.
  private static let shared =
    "/" + "\(#filePath)".split(separator: "/").dropLast(5).joined(separator: "/") + "/shared/data"

  /// Of a real database each, where those lie beside the repository.
  static let databases: [[UInt8]] = [
    "libuuid/Packages", "sle15-bci/Packages.db", "cbl-mariner-2.0/rpmdb.sqlite",
  ].compactMap { name in
    guard let file = fopen("\(shared)/rpmdb/\(name)", "r") else { return nil }
    defer { fclose(file) }
    return read(file)
  }

  /// One record, stored, with its directory.
  static let zips: [[UInt8]] = {
    func little(_ number: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
    let name = Array("A.json".utf8)
    let content = Array(ScanSeeds.advisories[0].utf8)
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in content {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    let fields =
      little(20, 2) + little(0, 8) + little(Int(~sum), 4) + little(content.count, 4) + little(content.count, 4)
      + little(name.count, 2) + little(0, 2)
    let member = [0x50, 0x4B, 3, 4] + fields + name + content
    let directory = [0x50, 0x4B, 1, 2] + little(20, 2) + fields + little(0, 14) + name
    let end =
      [0x50, 0x4B, 5, 6] + little(0, 4) + little(1, 2) + little(1, 2) + little(directory.count, 4)
      + little(member.count, 4) + little(0, 2)
    return [member + directory + end]
  }()

  static let fileLists: [[UInt8]] = {
    var parts: [[UInt8]] = []
    var writer = FileListCoding.Writer { parts.append($0) }
    _ = try? LayerReader.read(MemorySource(ScanSeeds.layer)) { writer.add($0) }
    writer.flush()
    return parts
  }()

  static let frames: [UInt8] =
    (fileLists.map { WorkerFrame.files($0) }
    + [.inventory(ScanSeeds.inventory), .failure(reason: "why", isLasting: true)]).flatMap(\.encoded)
}
