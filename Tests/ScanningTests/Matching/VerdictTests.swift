import OCI
import Testing

@testable import Scanning

@Suite struct `Verdicts` {
  /// All of shared data that speaks of versions and has a format that is read: OVAL has none.
  private static let feeds = [
    "pypi", "go", "almalinux-8", "almalinux-9", "almalinux-10", "bitnami", "crates-io", "hackage", "rubygems",
    "packagist", "debian-dsa-dla", "osv-mixed-fixtures", "alpine-secdb", "npm-nodejs-wg", "vex.tar",
  ]
  /// Known to have no order of versions: of OSS-Fuzz there are commits alone.
  private static let withoutOrder: Set<String> = ["OSS-Fuzz"]

  /// Every version that a record names, held against the record as the schema's text says it.
  @Test(arguments: feeds) func `are right for every range and version of real records`(_ feed: String) throws {
    var wrong: [String] = []
    var checked = 0
    for advisory in try Self.advisories(feed) {
      for affected in advisory.affected {
        let kept = try Affected(decoding: affected.encoded(), ecosystem: affected.ecosystem, name: affected.name)
        let order = VersionOrder(affected.ecosystem)
        if order == nil, !Self.withoutOrder.contains(affected.ecosystem.name) {
          wrong.append("\(advisory.id): no order for \(affected.ecosystem)")
        }
        // Of releases that are mended one by one: `RedHatFixesTests`.
        if affected.ecosystem.name == "Red Hat", affected.ranges.count > 1 { continue }
        let asked = VersionRanges(kept)
        for version in Self.versions(affected) {
          checked += 1
          let expected = Self.slow(affected, version, order)
          let isAffected: Bool? =
            switch asked.verdict(VersionRanges.Subject(version, in: affected.ecosystem)) {
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

  /// Everything that a feed says; nothing of it is left out but packages that a record does not name.
  private static func advisories(_ feed: String) throws -> [Advisory] {
    var found: [Advisory] = []
    let path = feed.hasSuffix(".tar") ? "advisories/\(feed).zst" : "advisories/\(feed).jsonl.zst"
    try RecordFiles.each(at: SharedData.path(path)) { bytes in
      // Statements of OpenVEX lie beside the documents.
      if AdvisoryFormat.isOther(bytes), !feed.hasSuffix("secdb") { return }
      let advisories = try AdvisoryFormat.recognised(bytes)
      let named = (try JSONValue.parse(bytes)["affected"]?.array ?? []).filter { $0["package"]?["ecosystem"] != nil }
      if !named.isEmpty { #expect(advisories.first?.affected.count == named.count) }
      found += advisories
    }
    return found
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
  private static func slow(_ affected: Affected, _ version: String, _ native: VersionOrder?) -> Bool? {
    if affected.versions.contains(version) { return true }
    var isUnsure = false
    for range in affected.ranges where range.kind != .git {
      let isOther = range.kind == .semver && ![.semver, .npm, .go].contains(native)
      guard let order = isOther ? .semver : native, let asked = order.parse(version) else {
        isUnsure = true
        continue
      }
      var begins: [ParsedVersion?] = []
      var ends: [ParsedVersion] = []
      var isBroken = false
      let (events, only) = Self.withoutPairs(range.events, order)
      if only.contains(asked) { return true }
      for event in events {
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

  /// What RubyGems' own advisories said before they became ranges: neither patched nor unaffected.
  @Test func `agree with the requirements that advisories of RubyGems were written with`() throws {
    // Said to be patched from 2.5.1 on for one minor release, and unaffected below another: the conversion lost the gap.
    let lost = ["RUBYSEC-CVE-2011-2931@actionpack 2.4", "RUBYSEC-CVE-2012-1989@puppet 2.6"]
    var wrong: [String] = []
    var checked = 0
    for line in try SharedData.lines("advisories/rubygems.jsonl.zst") {
      let record = try JSONValue.parse(line)
      let advisory = try OSVReader.advisory(record)
      for (entry, affected) in zip(record["affected"]?.array ?? [], advisory.affected) {
        let texts = ["patched_versions", "unaffected_versions"].flatMap { key in
          (entry["database_specific"]?[key]?.array ?? []).compactMap(\.string)
        }
        let named = texts.flatMap { $0.split(separator: ",") }.compactMap {
          $0.split(separator: " ").last.map(String.init)
        }
        for version in Set(named).union(Self.versions(affected)) {
          checked += 1
          let isSafe = texts.contains { Self.meets($0, version) }
          if (affected.verdict(version) == .notAffected) != isSafe { wrong.append("\(advisory.id) \(version)") }
        }
      }
    }
    #expect(checked > 2000)
    #expect(wrong.sorted() == lost, "\(wrong.count) of \(checked): \(wrong.prefix(12).joined(separator: "; "))")
  }

  /// Source: the documentation of `Gem::Requirement`. `~> 2.3.1` is at least 2.3.1 and less than 2.4.
  private static func meets(_ requirement: String, _ version: String) -> Bool {
    requirement.split(separator: ",").allSatisfy { part in
      let words = part.split(separator: " ").map(String.init)
      guard words.count == 2, let order = VersionOrder.rubyGems.compare(version, words[1]) else { return false }
      switch words[0] {
      case ">=": return order != .less
      case "<": return order == .less
      case "~>":
        func release(_ text: String) -> [String] {
          Array(text.split(separator: ".").map(String.init).prefix { $0.allSatisfy(\.isNumber) })
        }
        let fixed = release(words[1])
        let shared = max(fixed.count - 1, 1)
        let padded = release(version) + Array(repeating: "0", count: shared)
        return order != .less && Array(padded.prefix(shared)) == Array(fixed.prefix(shared))
      default: return false
      }
    }
  }

  /// The range as npm reads it, and what is said to be patched.
  @Test func `agree with the ranges that advisories of Node were written with`() throws {
    var wrong: [String] = []
    var contradicting: Set<String> = []
    for line in try SharedData.lines("advisories/npm-nodejs-wg.jsonl.zst") {
      let record = try JSONValue.parse(line)
      let affected = try #require(try NodeAdvisoryReader.advisory(record).affected.first)
      let text = record["vulnerable_versions"]?.string ?? ""
      let vulnerable = try #require(NodeRange(parsing: text, includesPrereleases: true))
      let patched = record["patched_versions"]?.string ?? ""
      let numbers = "\(text) \(patched)".split { !$0.isNumber && !$0.isLetter && $0 != "." && $0 != "-" }
      for version in Set(numbers.map(String.init)) where NodeVersion(parsing: version) != nil {
        let isAffected = affected.verdict(version) != .notAffected
        if isAffected != vulnerable.contains(version) { wrong.append("\(record["id"]?.string ?? "") \(version)") }
        if isAffected, !patched.isEmpty, NodeRange(parsing: patched)?.contains(version) ?? true {
          contradicting.insert(record["id"]?.string ?? "")
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.joined(separator: "; "))")
    // Those that say of a version both that it is vulnerable and that it is patched: `>=2.0.0` and `>=2.15.0`.
    #expect(contradicting == Set([336, 357, 400, 490, 495, 92, 98].map { "NSWG-ECO-\($0)" }))
  }

  /// Events without those that begin and end at one version, and the versions that such name alone.
  private static func withoutPairs(
    _ events: [AdvisoryRange.Event], _ order: VersionOrder
  ) -> ([AdvisoryRange.Event], [ParsedVersion]) {
    var (rest, only): ([AdvisoryRange.Event], [ParsedVersion]) = ([], [])
    for event in events {
      guard case .introduced(let begin)? = rest.last, begin != "0", let version = order.parseEvent(begin) else {
        rest.append(event)
        continue
      }
      switch event {
      case .fixed(let end) where order.parseEvent(end) == version: rest.removeLast()
      case .lastAffected(let end) where order.parseEvent(end) == version:
        rest.removeLast()
        only.append(version)
      default: rest.append(event)
      }
    }
    return (rest, only)
  }

  @Test func `of ranges of Semantic Versioning are the same in any ecosystem`() throws {
    var affected = Affected(ecosystem: Ecosystem("Made up"), name: "x")
    affected.ranges = [AdvisoryRange(.semver, [.introduced("1.0.0"), .fixed("1.2.0-rc.2")])]
    #expect(affected.verdict("1.2.0-rc.1") == .affected(fixed: "1.2.0-rc.2"))
    #expect(affected.verdict("1.2.0") == .notAffected)
    affected.ranges += [AdvisoryRange(.ecosystem, [.introduced("0")])]
    guard case .undecidable = affected.verdict("1.2.0") else {
      Issue.record("nobody knows that order")
      return
    }
    // Of Kubernetes: without a type.
    let untyped =
      #"{"id":"A","modified":"","affected":[{"package":{"ecosystem":"kubernetes","name":"k8s.io/apiserver"},"ranges":[{"events":[{"introduced":"1.24.0"},{"last_affected":"1.24.14"}]}]}]}"#
    let kubernetes = try #require(try OSVReader.advisory(try JSONValue.parse(untyped)).affected.first)
    #expect(kubernetes.ecosystem == Ecosystem("Kubernetes"))
    #expect(kubernetes.verdict("1.24.14") == .affected(fixed: nil))
    #expect(kubernetes.verdict("1.24.15") == .notAffected)
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
    // But what ends where it begins is that version alone, or nothing.
    #expect(verdict([.introduced("1.5"), .lastAffected("1.5.0")], "1.5") == .affected(fixed: nil))
    #expect(verdict([.introduced("1.5"), .lastAffected("1.5")], "1.6") == .notAffected)
    #expect(
      verdict([.introduced("1.5"), .lastAffected("1.5"), .introduced("1.5"), .fixed("2")], "1.6")
        == .affected(fixed: "2"))
    #expect(verdict([.introduced("1"), .fixed("2"), .introduced("3"), .fixed("3")], "3.1") == .notAffected)
    #expect(verdict([.introduced("2"), .fixed("3"), .introduced("1"), .fixed("2")], "2") == .affected(fixed: "3"))
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
