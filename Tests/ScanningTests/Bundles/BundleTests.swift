import Foundation
import OCI
import TestSupport
import Testing

@testable import Scanning

/// A bundle is what its signer made, or nothing.
@Suite struct `Bundles of advisories` {
  /// A folder that goes with its test.
  final class Folder {
    let path = NSTemporaryDirectory() + "bundle-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], _ name: String = "altered") throws -> String {
      try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
      return "\(path)/\(name)"
    }
  }

  /// Stands for a signature: every bit of the message counts.
  static func sign(_ message: [UInt8], key: UInt64 = 7) -> [UInt8] {
    var sum: UInt64 = 14_695_981_039_346_656_037 &+ key
    for byte in message { sum = (sum ^ UInt64(byte)) &* 1_099_511_628_211 }
    return (0..<64).map { UInt8(truncatingIfNeeded: sum >> (UInt64($0) % 8 * 8)) }
  }

  static func open(_ path: String) throws -> AdvisoryBundle {
    try AdvisoryBundle(at: path) { Self.sign($0) == $1 }
  }

  static let records: [(name: String, kind: AdvisoryFormat, lines: [String])] = [
    ("alpine", .secdb, [#"{"id":"A-1","affected":[]}"#, #"{"id":"A-2","affected":[]}"#]), ("empty", .osv, []),
    ("scores", .epss, ["CVE-2026-1,0.500000,0.900000"]),
  ]

  static func feeds(_ folder: Folder) throws -> [(feed: BundleManifest.Feed, path: String)] {
    try records.reversed().map { record in
      let file = try BundleFeedFile(path: "\(folder.path)/\(record.name)")
      for line in record.lines { try file.add(Array(line.utf8)) }
      let feed = try file.finish(name: record.name, kind: record.kind, refreshedAt: "2026-11-25T00:00:00.000Z")
      return (feed, file.path)
    }
  }

  static func make(_ folder: Folder, _ name: String = "bundle.tar") throws -> String {
    let path = "\(folder.path)/\(name)"
    try BundleDraft.write(to: path, try feeds(folder)) { sign($0) }
    return path
  }

  static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

  static func refusal(_ path: String) -> String? {
    do {
      _ = try open(path)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func `give back what was put in, and are the same bytes for the same content`() throws {
    let folder = try Folder()
    let path = try Self.make(folder)
    #expect(try Self.bytes(path) == Self.bytes(try Self.make(folder, "again.tar")))
    #expect(AdvisoryBundle.isBundle(at: path))
    let bundle = try Self.open(path)
    #expect(bundle.manifest.feeds.map(\.name) == Self.records.map(\.name))
    for (feed, record) in zip(bundle.manifest.feeds, Self.records) {
      #expect(feed.recordCount == record.lines.count && feed.kind == record.kind)
      var lines: [String] = []
      let walk = try bundle.records(of: feed)
      while try walk.next({ lines.append(String(decoding: $0, as: UTF8.self)) }) {}
      #expect(lines == record.lines)
    }
  }

  @Test func `are archives that tar reads`() throws {
    let folder = try Folder()
    #expect(try FinishedProgram("tar", ["-xf", try Self.make(folder), "-C", folder.path]).status == 0)
    let manifest = try Self.bytes("\(folder.path)/manifest.json")
    #expect(try Self.bytes("\(folder.path)/manifest.sig") == Self.sign(manifest))
    var lines: [String] = []
    try RecordFiles.each(at: "\(folder.path)/feeds/alpine.jsonl.zst") {
      lines.append(String(decoding: $0, as: UTF8.self))
    }
    #expect(lines == Self.records[0].lines)
  }

  @Test func `are refused when any of their bytes is another, is missing or is too many`() throws {
    let folder = try Folder()
    let whole = try Self.bytes(try Self.make(folder))
    for position in whole.indices {
      var altered = whole
      altered[position] ^= 1 << UInt8(position % 8)
      #expect(Self.refusal(try folder.write(altered)) != nil, "byte \(position)")
    }
    for count in stride(from: 0, to: whole.count, by: 97) {
      #expect(Self.refusal(try folder.write(Array(whole[..<count]))) != nil, "\(count) bytes")
    }
    #expect(Self.refusal(try folder.write(Array(whole.dropLast()))) == "it is cut off")
    for more in [[0], [UInt8](repeating: 0, count: 512), whole] {
      #expect(Self.refusal(try folder.write(whole + more)) == "there is more in it than its manifest names")
    }
  }

  @Test func `say what is wrong with them`() throws {
    let folder = try Folder()
    let whole = try Self.bytes(try Self.make(folder))
    let manifest = try Self.open(try folder.write(whole)).manifest
    let head = BundleLayout.blockBytes + manifest.bytes.count + BundleLayout.paddingBytes(Int64(manifest.bytes.count))
    let signed = head + 2 * BundleLayout.blockBytes
    let first = signed + 2 * BundleLayout.blockBytes
    #expect(Self.refusal(try folder.write(Array("no archive".utf8)))?.contains("no bundle") == true)
    #expect(Self.refusal(try folder.write([UInt8](repeating: 0, count: 4096)))?.contains("no bundle") == true)
    #expect(Self.refusal(try folder.write(Array(whole[..<head] + whole[signed...])))?.contains("not signed") == true)
    // Feeds of another bundle in place of its own, and the same in another order.
    let swapped = whole[..<signed] + whole[first..<first + 1024] + whole[signed..<first] + whole[(first + 1024)...]
    #expect(Self.refusal(try folder.write(Array(swapped)))?.contains("not where its manifest has it") == true)
    var other = whole
    other[signed + BundleLayout.blockBytes + 6] ^= 1
    #expect(Self.refusal(try folder.write(other))?.contains("alpine.jsonl.zst is not what was signed") == true)
    // Signed by somebody else.
    let foreign = "\(folder.path)/foreign.tar"
    try BundleDraft.write(to: foreign, try Self.feeds(folder)) { Self.sign($0, key: 8) }
    #expect(Self.refusal(foreign)?.contains("not signed by a key that is trusted") == true)
    #expect(Self.refusal(folder.path)?.contains("is no file") == true)
    #expect(Self.refusal("\(folder.path)/missing") != nil)
  }

  @Test func `are not believed what cannot be, whoever signed it`() throws {
    let folder = try Folder()
    let good = String(decoding: try Self.open(try Self.make(folder)).manifest.bytes, as: UTF8.self)
    let digest = "sha256:" + String(repeating: "0", count: 64)
    func feed(_ name: String, records: String = "0", size: String = "0", kind: String = "osv") -> String {
      #"{"name":"\#(name)","kind":"\#(kind)","form":"osv","refreshedAt":"x","records":\#(records),"file":"feeds/\#(name).jsonl.zst","size":\#(size),"digest":"\#(digest)"}"#
    }
    func manifest(_ feeds: String...) -> String {
      #"{"type":"\#(BundleManifest.artifactType)","feeds":[\#(feeds.joined(separator: ","))]}"# + "\n"
    }
    _ = try BundleManifest(parsing: Array(good.utf8))
    _ = try BundleManifest(parsing: Array(manifest(feed("a"), feed("b")).utf8))
    for text in [
      "", "{}", "[]", good + " ", good.replacing("advisories.v1", with: "advisories.v2"),
      good.replacing(#""records":2"#, with: #""records":2,"more":true"#),
      manifest(feed("a"), feed("a")), manifest(feed("b"), feed("a")), manifest(feed("../etc")), manifest(feed("")),
      manifest(feed("A")), manifest(feed(String(repeating: "a", count: 65))),
      manifest(feed("a", records: "-1")), manifest(feed("a", records: "9223372036854775807")),
      manifest(feed("a", size: "9223372036854775807")), manifest(feed("a", size: "-1")),
      manifest(feed("a", records: "1e3")), manifest(feed("a", kind: "bundle")),
      manifest(feed("a").replacing("feeds/a", with: "feeds/b")),
      manifest((0...1000).map { feed("f\(10_000 + $0)") }.joined(separator: ",")),
    ] {
      #expect(throws: BundleError.self, "\(text.prefix(200))") { try BundleManifest(parsing: Array(text.utf8)) }
    }
    // A header that claims a manifest of gigabytes is not followed.
    var huge = BundleLayout.header("manifest.json", BundleManifest.memberLimitBytes)
    #expect(Self.refusal(try folder.write(huge))?.contains("its manifest has more than") == true)
    huge = BundleLayout.header("../manifest.json", 2)
    #expect(Self.refusal(try folder.write(huge))?.contains("no bundle") == true)
  }
}
