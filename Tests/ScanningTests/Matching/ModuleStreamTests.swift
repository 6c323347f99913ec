import OCI
import Testing

@testable import Scanning

/// A package of a module stream is another than those of the same name in other streams and outside.
@Suite struct `Records of module streams` {
  private static func index(_ feed: String) throws -> AdvisoryIndex {
    var index = AdvisoryIndex()
    try RecordFiles.each(at: SharedData.path("advisories/\(feed).jsonl.zst")) { bytes in
      for advisory in try AdvisoryFormat.recognised(bytes) { index.add(advisory) }
    }
    return index
  }

  private static func found(
    _ index: AdvisoryIndex, _ name: String, _ version: String, module: String?, in distribution: String, vendor: String
  ) throws -> Set<String> {
    var component = Component(.rpm, name: name, version: version)
    (component.module, component.vendor) = (module, vendor)
    component.source = .init(name: name, version: version)
    let parts = distribution.split(separator: " ").map { String($0) }
    let subjects = try AdvisorySubject.of(component, in: Distribution(id: parts[0], versionID: parts[1])).get()
    return Set(subjects.flatMap { index.advisories(for: $0).affected })
  }

  @Test func `of AlmaLinux say nothing of other streams, nor of what is in none`() throws {
    let index = try Self.index("almalinux-9")
    func found(_ version: String, _ module: String?) throws -> Set<String> {
      try Self.found(index, "nodejs", version, module: module, in: "almalinux 9.4", vendor: "AlmaLinux")
    }
    let eighteen = "1:18.12.1-1.module_el9.1.0+16+91bc168f"
    let inStream = try found(eighteen, "nodejs:18:9010020221201:rhel9")
    // ALSA-2023:4330 mends nodejs:18.
    #expect(inStream.contains("ALSA-2023:4330"))
    let late = "1:18.99.0-1.module_el9.9.0+999+aa"
    #expect(try found(late, "nodejs:18:9990020991201:rhel9").isEmpty)
    // Outside of modules: whatever is before 18 is not mended by what is mended there.
    #expect(try !found("1:16.20.2-99.el9_9", nil).contains("ALSA-2023:4330"))
    // Of a package whose label nobody wrote down all streams may be meant, and to the letter of the record they all are.
    #expect(try found(eighteen, nil).isSuperset(of: inStream))
    let letter = Set(index.advisories(for: Ecosystem(parsing: "AlmaLinux:9"), "nodejs", late).affected)
    #expect(!letter.isEmpty)
    #expect(try found(late, nil) == letter)
  }

  @Test(arguments: [
    ("Important: nodejs:18 security update", ["nodejs:18/p", "*/p"]),
    (
      "Red Hat Security Advisory: virt:rhel and virt-devel:rhel security, bug fix, and enhancement update",
      ["virt-devel:rhel/p", "virt:rhel/p", "*/p"]
    ),
    ("ALSA-2022:5468: php:8.0 security update (Important)", ["php:8.0/p", "*/p"]),
    ("Important: varnish security update", ["?/p", "*/p"]), ("", ["?/p", "*/p"]),
    ("Update of nodejs:18.", ["nodejs:18/p", "*/p"]),
    (
      "nodejs:18; 389-ds:1.4, [perl-App-cpanminus:1.7044]",
      ["389-ds:1.4/p", "nodejs:18/p", "perl-App-cpanminus:1.7044/p", "*/p"]
    ),
    ("RHSA-2023:1582 security update", ["?/p", "*/p"]),
    ("RHSA-2023:1582: nodejs:18 (RHBA-2023:1)", ["nodejs:18/p", "*/p"]),
    ("nodejs:18 of https://example.org at 12:30", ["?/p", "nodejs:18/p", "*/p"]),
  ])
  func `are looked for by the streams in their titles`(title: String, names: [String]) {
    var affected = Affected(ecosystem: Ecosystem("Rocky Linux", release: "8"), name: "p")
    var advisory = Advisory(id: "ALSA-2022:5468")
    advisory.summary = title
    affected.ranges = [
      AdvisoryRange(.ecosystem, [.introduced("0"), .fixed("0:3.3.1-2.module+el9.4.0+20787+4c237fd3")])
    ]
    var naming = PackageNaming(advisory)
    #expect(naming.names(of: affected) == names)
    #expect(naming.names(of: affected) == names, "asked once more")
    // What is mended outside of modules too is meant outside of them; elsewhere there are none.
    var plain = affected
    plain.ranges.append(AdvisoryRange(.ecosystem, [.introduced("0"), .fixed("3-1.el9")]))
    #expect(naming.names(of: plain) == ["p"])
    plain.ranges = []
    #expect(naming.names(of: plain) == ["p"])
    affected.ecosystem = Ecosystem("Fedora", release: "40")
    #expect(naming.names(of: affected) == ["p"])
  }

  @Test func `become records with plain names again`() {
    var affected = Affected(ecosystem: Ecosystem("AlmaLinux", release: "8"), name: "p")
    affected.ranges = [
      AdvisoryRange(.ecosystem, [.introduced("0"), .fixed("1-2.module_el8.9.0+3680+f9142978.1.alma.1")])
    ]
    var other = affected
    (other.name, other.ranges) = ("q", [AdvisoryRange(.ecosystem, [.introduced("0"), .fixed("1-1.el8")])])
    var advisory = Advisory(id: "ALSA-1")
    advisory.summary = "Low: virt:rhel and virt-devel:rhel security update"
    advisory.affected = [affected, other]
    var kept = advisory
    var naming = PackageNaming(advisory)
    kept.affected = advisory.affected.flatMap { one in
      naming.names(of: one).map { name in
        var kept = one
        kept.name = name
        return kept
      }
    }
    #expect(kept.affected.map(\.name) == ["virt-devel:rhel/p", "virt:rhel/p", "*/p", "q"])
    kept.takePlainNames()
    #expect(kept == advisory)
  }

  @Test(arguments: [
    ("1.25.1-5.rhaos4.12.git6005903.el8", true), ("3.1.0-4.el9fdp", true), ("6.5-1.el7sat", true),
    ("1:2-1.el8ost", true),
    ("3.0.7-27.el9", false), ("7.76.1-23.el9_2.4", false), ("1-1.el8_10.1", false), ("1-1.module+el8.9.0+1+a", false),
    ("5.14.0-1.rt21.el9", false), ("1", false), ("1-1.el", false),
  ])
  func `of other products of Red Hat are not those of the release, and that is said`(version: String, isOther: Bool)
    throws
  {
    #expect(RedHatProducts.isOfOtherProduct(version) == isOther)
    var component = Component(.rpm, name: "p", version: version)
    component.vendor = "Red Hat, Inc."
    var distribution = Distribution(id: "rhel", versionID: "8.10")
    distribution.cpeName = "cpe:/o:redhat:enterprise_linux:8::baseos"
    func isJudged() -> Bool { (try? AdvisorySubject.of(component, in: distribution).get()) != nil }
    #expect(isJudged() == !isOther)
    // An image that says which product it is of is judged by that.
    distribution.cpeName = "cpe:/a:redhat:enterprise_linux_ai:1.1::el9"
    #expect(isJudged())
  }
}
