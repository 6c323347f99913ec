import Testing

@testable import Scanning

@Suite struct `Fixes of Red Hat` {
  @Test(
    arguments: [
      ("7.76.1-23.el9_2.4", "9.2"), ("1:3.0.7-25.el9_3", "9.3"), ("5.14.0-362.13.1.el9_3", "9.3"),
      ("1:0.78-12.module+el8.10.0+23147+20b7d289", "8.10"), ("1.0-1.module_el8.6.0+1+ab", "8.6"),
      ("2-1.el10_0", "10.0"),
      ("7.76.1-29.el9", nil), ("2-1.el9.1", nil), ("2-1.el7sat", nil), ("2.el9_2", nil), ("2-1", nil), ("", nil),
      ("1-1.el_2", nil), ("1-1.el9_", nil),
    ] as [(String, String?)])
  func `say which minor release they are for`(version: String, expected: String?) {
    #expect(RedHatFixes.minorRelease(version) == expected)
  }

  @Test func `are told in their order, and builds of a module without what tells them apart`() {
    let one = Ecosystem("Red Hat", release: "enterprise_linux:8::appstream")
    let other = Ecosystem("Red Hat", release: "rhel_eus:8.8::appstream")
    #expect(
      RedHatFixes.reduced([
        one: ["10-1.module+el8.10.0+7+aa", "10-1.module+el8.10.0+7+0b", "9-1.el8_9"],
        other: ["9-1.el8_9", "9-1.module+el8.8.0+5+cc.1"],
      ]) == ["9-1.el8_9", "9-1.module+el8.8.0+5+cc.1", "10-1.module+el8.10.0+7"])
  }

  @Test func `for some minor releases do not help a release that is not mended as a whole`() {
    var affected = Affected(ecosystem: Ecosystem("Red Hat", release: "enterprise_linux:9"), name: "p")
    affected.ranges = [
      AdvisoryRange(.ecosystem, [.introduced("0"), .fixed("1-2.el9_0.9")]),
      AdvisoryRange(.ecosystem, [.introduced("0")]),
    ]
    #expect(affected.verdict("1-2.el9_0.8") == .affected(fixed: "1-2.el9_0.9"))
    #expect(affected.verdict("1-2.el9_0.9") == .notAffected)
    #expect(affected.verdict("1-1.el9") == .affected(fixed: nil))
    #expect(affected.verdict("1-9.el9_4") == .affected(fixed: nil))
  }
}
