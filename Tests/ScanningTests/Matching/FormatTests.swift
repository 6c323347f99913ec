import Foundation
import OCI
import Testing

@testable import Scanning

@Suite struct `Files of advisories` {
  private static func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let folder = NSTemporaryDirectory() + "records-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    return "\(folder)/\(name)"
  }

  private static func ids(_ path: String, _ format: AdvisoryFormat = .osv) throws -> [String] {
    var found: [String] = []
    try format.each(at: path) { if case .advisory(let advisory) = $0 { found.append(advisory.id) } }
    return found
  }

  @Test(arguments: [ZipWriter.Packing.stored, .deflated, .streamed])
  func `in an archive are read, and what else lies there is not`(packing: ZipWriter.Packing) throws {
    var zip = ZipWriter()
    for index in 0..<50 {
      zip.add("PYSEC-\(index).json", #"{"id":"PYSEC-\#(index)","modified":"2026-01-01T00:00:00Z"}"#, packing)
    }
    zip.add("README.md", "no record", packing)
    let path = try Self.file("all.zip", zip.whole)
    #expect(try Self.ids(path).count == 50)
    #expect(try Self.ids(String(path.dropLast("/all.zip".count))).first == "PYSEC-0")
    let cut = try Self.file("cut.zip", Array(zip.whole[..<(zip.whole.count / 2)]))
    #expect(throws: RecordFiles.Failure.self) { try Self.ids(cut) }
  }

  @Test(arguments: Compression.allCases)
  func `in a tape archive are read, whatever it is packed with`(compression: Compression) throws {
    var archive = TarBuilder()
    archive.directory("vex/2026")
    for index in 0..<50 {
      archive.file("vex/2026/\(index).json", #"{"id":"T-\#(index)","modified":"2026-01-01T00:00:00Z"}"#)
    }
    archive.file("vex/changes.csv", "no record")
    archive.link("vex/latest.json", to: "2026/49.json")
    let endings: [Compression: String] = [.none: "", .gzip: ".gz", .zstd: ".zst", .xz: ".xz", .bzip2: ".bz2"]
    let packed = try Packing.packed(archive.finished, compression)
    let path = try Self.file("all.tar\(endings[compression] ?? "")", packed)
    #expect(try Self.ids(path) == (0..<50).map { "T-\($0)" })
    // Whoever reads a folder reads the archives in it.
    #expect(try Self.ids(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])).count == 50)
    let cut = try Self.file("cut.tar", Array(packed[..<(packed.count / 2)]))
    #expect(throws: RecordFiles.Failure.self) { try Self.ids(cut) }
    archive.file("large.json", [UInt8](repeating: 0x20, count: OSVReader.recordLimitBytes + 1))
    let large = try Self.file("large.tar", archive.finished)
    #expect(throws: RecordFiles.Failure.self) { try Self.ids(large) }
  }

  @Test func `of Red Hat's archive are read by their format, and told from records of OSV`() throws {
    var archive = TarBuilder()
    for (name, bytes) in try VEXFiles.all().sorted(by: { $0.key < $1.key }) where name.hasPrefix("redhat") {
      archive.file("csaf/\(name)", bytes)
    }
    archive.file("provider-metadata.json", #"{"metadata_version":"2.0","canonical_url":"https://a"}"#)
    let path = try Self.file("vex.tar.zst", try Packing.packed(archive.finished, .zstd))
    #expect(try Self.ids(path, .csaf).count == 17)
    #expect(throws: RecordFiles.Failure.self) { try Self.ids(path, .osv) }
    let document = try #require(try VEXFiles.all()["redhat-csaf-cve-2026-0968.json"])
    #expect(try document.withUnsafeBytes { try AdvisoryFormat.recognised($0) }.map(\.id) == ["REDHAT-CVE-2026-0968"])
    let record = Array(#"{"id":"A","modified":"2026-01-01T00:00:00Z"}"#.utf8)
    #expect(try record.withUnsafeBytes { try AdvisoryFormat.recognised($0) }.map(\.id) == ["A"])
  }

  @Test func `in lines are read whatever ends them, and empty lines are none`() throws {
    let line = #"{"id":"A","modified":"2026-01-01T00:00:00Z"}"#
    let path = try Self.file("a.jsonl", Array("\n\(line)\n\n\(line)".utf8))
    #expect(try Self.ids(path) == ["A", "A"])
    // Longer than what is read at once.
    let long = #"{"id":"B","modified":"2026-01-01T00:00:00Z","details":"\#(String(repeating: "x", count: 3 << 20))"}"#
    let big = try Self.file("b.jsonl", Array("\(line)\n\(long)\n\(line)\n".utf8))
    #expect(try Self.ids(big) == ["A", "B", "A"])
  }

  @Test func `of Alpine say which version mended what`() throws {
    let document =
      #"{"distroversion":"v3.18","reponame":"main","urlprefix":"https://dl-cdn.alpinelinux.org/alpine","packages":[{"pkg":{"name":"curl","secfixes":{"8.1.0-r0":["CVE-2023-1 XSA-1","CVE-2023-2"],"0":["CVE-2023-3"]}}}]}"#
    let found = try SecDBReader.advisories(try JSONValue.parse(document))
    #expect(found.map(\.upstream) == [["CVE-2023-1"], ["CVE-2023-2"]])
    let affected = try #require(found.first?.affected.first)
    #expect(affected.ecosystem == Ecosystem(parsing: "Alpine:v3.18"))
    #expect(affected.verdict("8.0.1-r0") == .affected(fixed: "8.1.0-r0"))
    #expect(affected.verdict("8.1.0-r0") == .notAffected)
    // All that Alpine published in a summer.
    var count = 0
    try RecordFiles.each(at: SharedData.path("advisories/alpine-secdb.jsonl.zst")) { bytes in
      for item in try AdvisoryFormat.secdb.items(bytes) {
        guard case .advisory(let advisory) = item else { continue }
        count += advisory.affected.count
      }
    }
    #expect(count > 5000)
  }

  @Test func `of Debian's tracker say what is mended, and what never will be`() throws {
    let document = #"""
      {"curl": {"CVE-2023-1": {"description": "a \"flaw\"", "scope": "remote", "releases": {
        "bookworm": {"status": "resolved", "fixed_version": "7.88.1-10+deb12u1", "urgency": "medium"},
        "bullseye": {"status": "open", "nodsa": "Minor issue", "nodsa_reason": "ignored", "urgency": "low"},
        "buster": {"status": "resolved", "fixed_version": "0", "urgency": "unimportant"},
        "sid": {"status": "open", "urgency": "not yet assigned"}}},
        "TEMP-1": {"releases": {"bookworm": {"status": "open"}}}}, "empty": {}}
      """#
    let found = try Array(document.utf8).withUnsafeBytes { try DebianTrackerReader.advisories($0) }
    let advisory = try #require(found.first)
    #expect(found.count == 1)
    #expect(advisory.upstream == ["CVE-2023-1"])
    #expect(advisory.affected.map(\.ecosystem.description) == ["Debian:12", "Debian:11"])
    #expect(advisory.affected.map(\.state) == [.affected, .willNotFix])
    #expect(advisory.affected.map { $0.severities.first?.band } == [.medium, .low])
    #expect(advisory.affected[0].verdict("7.88.1-10") == .affected(fixed: "7.88.1-10+deb12u1"))
    #expect(advisory.affected[0].verdict("7.88.1-10+deb12u1") == .notAffected)
    #expect(advisory.affected[1].verdict("99") == .affected(fixed: nil))
    // Cut off anywhere it is broken, and never read in part.
    let bytes = Array(document.utf8)
    let whole = bytes.lastIndex(of: UInt8(ascii: "}")) ?? 0
    for length in 0...whole {
      #expect(throws: ParseError.self) {
        try Array(bytes[..<length]).withUnsafeBytes { _ = try DebianTrackerReader.advisories($0) }
      }
    }
    var lines: [[UInt8]] = []
    try bytes.withUnsafeBytes { document in
      try DebianTrackerReader.eachLine(document) { line, count in
        let found = try line.withUnsafeBytes { try DebianTrackerReader.advisories($0) }
        #expect(found.count == count)
        lines.append(line)
      }
    }
    #expect(lines.count == 2)
  }

  @Test(arguments: [#"{"modified":"2026-01-01T00:00:00Z"}"#, #"{"id":"CVE-2026-1","cveID":"CVE-2026-1"}"#, "{}", "[]"])
  func `of another kind are no records of OSV`(record: String) throws {
    #expect(throws: RecordFiles.Failure.self) { try Self.ids(try Self.file("other.jsonl", Array(record.utf8))) }
  }

  @Test func `of what is exploited are read as CISA publishes them`() throws {
    var count = 0
    try AdvisoryFormat.kev.each(at: SharedData.path("advisories/cisa-kev.jsonl.zst")) { item in
      if case .exploited(let entry) = item, entry.added.hasPrefix("20") { count += 1 }
    }
    #expect(count > 1000)
  }
}
