import OCI
import Testing

@testable import Scanning

@Suite struct `Verdicts` {
  private static let feeds = [
    "pypi", "go", "almalinux-8", "almalinux-9", "almalinux-10", "bitnami", "crates-io", "hackage", "rubygems",
    "packagist", "debian-dsa-dla", "osv-mixed-fixtures",
  ]

  /// Every version that a record names, held against the record as the schema's text says it.
  @Test(arguments: feeds) func `are right for every range and version of real records`(_ feed: String) throws {
    var wrong: [String] = []
    var checked = 0
    for line in try SharedData.lines("advisories/\(feed).jsonl.zst") {
      let advisory = try OSVReader.advisory(try JSONValue.parse(line))
      for affected in advisory.affected {
        let kept = try Affected(decoding: affected.encoded(), ecosystem: affected.ecosystem, name: affected.name)
        guard let order = VersionOrder(ecosystem: affected.ecosystem.name) else { continue }
        for version in Self.versions(affected) {
          checked += 1
          let expected = Self.slow(affected, version, order)
          let isAffected: Bool? =
            switch kept.verdict(version) {
            case .affected: true
            case .notAffected: false
            case .undecidable: nil
            }
          if isAffected != expected { wrong.append("\(advisory.id) \(affected.name) \(version)") }
          if affected.versions.contains(version), isAffected != true { wrong.append("\(advisory.id) names \(version)") }
        }
      }
    }
    #expect(checked > 0)
    #expect(wrong.isEmpty, "\(wrong.count) of \(checked): \(wrong.prefix(8).joined(separator: "; "))")
  }

  private static func versions(_ affected: Affected) -> Set<String> {
    var versions = Set(affected.versions.prefix(3) + affected.versions.suffix(2))
    for event in affected.ranges.filter({ $0.kind != .git }).flatMap(\.events) {
      switch event {
      case .introduced("0"): continue
      case .introduced(let version), .fixed(let version), .lastAffected(let version), .limit(let version):
        versions.insert(version)
      }
    }
    return versions
  }

  /// Between which events the version stands, without a walk: it is in a range when of all that is at or before it the last
  /// begins one. Nil: it cannot be said.
  private static func slow(_ affected: Affected, _ version: String, _ order: VersionOrder) -> Bool? {
    if affected.versions.contains(version) { return true }
    guard let asked = order.parse(version) else { return nil }
    var isUnsure = false
    for range in affected.ranges where range.kind != .git {
      var begins: [ParsedVersion?] = []
      var ends: [ParsedVersion] = []
      var isBroken = false
      for event in range.events {
        switch event {
        case .introduced("0"): begins.append(nil)
        case .introduced(let text):
          guard let parsed = order.parseEvent(text) else {
            isBroken = true
            continue
          }
          if parsed <= asked { begins.append(parsed) }
        case .fixed(let text):
          guard let parsed = order.parseEvent(text) else {
            isBroken = true
            continue
          }
          if parsed <= asked { ends.append(parsed) }
        case .lastAffected(let text):
          guard let parsed = order.parseEvent(text) else {
            isBroken = true
            continue
          }
          if parsed < asked { ends.append(parsed) }
        case .limit: break
        }
      }
      if isBroken {
        isUnsure = true
        continue
      }
      let limits = range.events.compactMap { event -> ParsedVersion? in
        if case .limit(let text) = event { order.parse(text) } else { nil }
      }
      guard !begins.isEmpty, limits.isEmpty || limits.contains(where: { asked < $0 }) else { continue }
      let lastBegin = begins.compactMap { $0 }.max()
      guard let lastEnd = ends.max() else { return true }
      if let lastBegin, lastEnd <= lastBegin { return true }
    }
    return isUnsure ? nil : false
  }

  @Test func `hold at the edges of ranges`() {
    func verdict(_ events: [AdvisoryRange.Event], _ version: String) -> Verdict {
      var affected = Affected(ecosystem: Ecosystem("PyPI"), name: "x")
      affected.ranges = [AdvisoryRange(.ecosystem, events)]
      return affected.verdict(version)
    }
    #expect(verdict([.introduced("0"), .fixed("2.0")], "1.9") == .affected(fixed: "2.0"))
    #expect(verdict([.introduced("0"), .fixed("2.0")], "2.0") == .notAffected)
    #expect(verdict([.fixed("2.0"), .introduced("0")], "1.0") == .affected(fixed: "2.0"))
    #expect(verdict([.introduced("1.0"), .lastAffected("1.5")], "1.5") == .affected(fixed: nil))
    #expect(verdict([.introduced("1.0"), .lastAffected("1.5")], "1.5.1") == .notAffected)
    // At the same version the end comes first.
    #expect(
      verdict([.introduced("0"), .fixed("2.0"), .introduced("2.0"), .fixed("3.0")], "2.0") == .affected(fixed: "3.0"))
    #expect(verdict([.introduced("0"), .limit("1.0")], "1.0") == .notAffected)
    #expect(verdict([.introduced("0"), .limit("*")], "1.0") == .affected(fixed: nil))
    // An end that is no version leaves the range unknown, also where old programs took such for one.
    for end in ["zzz bad", "2019-09-12", "0.2.0-n653", ""] {
      guard case .undecidable = verdict([.fixed("1"), .introduced("0"), .introduced(end)], "2.25.0") else {
        Issue.record("“\(end)” was taken for a version")
        continue
      }
    }
  }
}
