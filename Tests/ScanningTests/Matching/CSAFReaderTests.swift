import OCI
import Testing

@testable import Scanning

/// What Red Hat and SUSE publish as CSAF, as advisories.
@Suite struct `Documents of CSAF` {
  // MARK: Red Hat

  /// What a document says of a package in an image: with its state, and the version that mends it.
  private static func said(
    _ file: String, of name: String, _ version: String, in release: String, module: String? = nil,
    source: String? = nil
  ) throws -> [String] {
    var component = Component(.rpm, name: name, version: version)
    component.module = module
    component.source = source.map { .init(name: $0, version: String(version.split(separator: ":").last ?? "")) }
    component.vendor = "Red Hat, Inc."
    return CSAFFiles.said(
      try CSAFFiles.advisories(file), of: component, in: Distribution(id: "rhel", versionID: release))
  }

  @Test(arguments: [
    ("openssl-libs", "1:3.0.7-24.el9", "9.3", ["affected 1:3.0.7-27.el9"]),
    ("openssl-libs", "1:3.0.7-27.el9", "9.4", []),
    ("edk2-ovmf", "20240524-5.el9", "9.4", ["affected 20240524-6.el9_5"]),
    ("edk2-ovmf", "20220126gitbb1bba3d77-13.el8", "8.10", ["will-not-fix"]),
    ("openssl", "1:1.1.1k-12.el8_9", "8.10", ["deferred"]), ("openssl", "1.0.1e-60.el6", "6.10", ["end-of-life"]),
    ("compat-openssl11", "1:1.1.1k-4.el9", "9.4", ["deferred"]),
    // Named as not affected, and not named at all.
    ("openssl-fips-provider", "3.0.7-2.el9", "9.4", []), ("shim-x64", "15.6-1.el9", "9.4", []),
    ("bash", "5.1.8-9.el9", "9.4", []),
  ])
  func `of Red Hat say in which version a package is mended, and what never will be`(
    name: String, version: String, release: String, expected: [String]
  ) throws {
    #expect(try Self.said("cve-2024-0727-openssl", of: name, version, in: release) == expected)
  }

  @Test func `of Red Hat are named, dated and graded`() throws {
    let advisory = try #require(try CSAFFiles.advisories("cve-2024-0727-openssl").first)
    #expect(advisory.id == "REDHAT-CVE-2024-0727" && advisory.upstream == ["CVE-2024-0727"])
    #expect(advisory.modified == "2025-11-21T14:32:00+00:00" && advisory.published == "2024-01-22T00:00:00+00:00")
    #expect(advisory.summary == "openssl: denial of service via null dereference")
    #expect(advisory.references.contains("https://access.redhat.com/errata/RHSA-2024:2447"))
    #expect(advisory.severities.map(\.source) == ["Red Hat", "CVSS_V3"])
    let chosen = try #require(Severity.chosen(advisory.severities))
    #expect(chosen.text == "Low" && chosen.band == .low && chosen.score == 5.5)
    // A package of several architectures and repositories is named once in each repository.
    let names = advisory.affected.map { "\($0.ecosystem) \($0.name)" }
    #expect(Set(names).count == names.count)
    #expect(names.contains("Red Hat:enterprise_linux:9::baseos openssl-libs"))
  }

  @Test(arguments: [
    // What was built for a minor release is judged by the fix of that one, prolonged support included.
    ("7.76.1-23.el9_2.1", ["affected 7.76.1-23.el9_2.4"]), ("7.76.1-23.el9_2.4", []),
    ("7.76.1-23.el9_2.10", []), ("7.76.1-26.el9_3.1", ["affected 7.76.1-26.el9_3.2"]), ("7.76.1-26.el9_3.2", []),
    ("7.76.1-14.el9_0.8", ["affected 7.76.1-14.el9_0.9"]), ("7.76.1-14.el9_0.9", []),
    // Others by all: of 9.1 there is no fix, and the package that 9.3 began with is before that of 9.3.
    ("7.76.1-19.el9_1.2", ["affected 7.76.1-23.el9_2.4"]), ("7.76.1-26.el9", ["affected 7.76.1-26.el9_3.2"]),
    ("7.76.1-29.el9", []),
  ])
  func `of Red Hat have a fix for each minor release`(version: String, expected: [String]) throws {
    #expect(try Self.said("cve-2023-38545", of: "libcurl", version, in: "9.3") == expected)
  }

  @Test func `of Red Hat speak of a module stream, and of no package outside of it`() throws {
    let file = "cve-2025-40907-perl"
    let label = "perl-FCGI:0.78:8100020250529111022:69ef70f8"
    let before = "1:0.78-11.module+el8.10.0+20000+ffffffff"
    #expect(
      try Self.said(file, of: "perl-FCGI", before, in: "8.10", module: label)
        == ["affected 1:0.78-12.module+el8.10.0+23147"])
    // The hashes of contexts have no order.
    for hash in ["20b7d289", "63faba8d", "00000000"] {
      let fixed = "1:0.78-12.module+el8.10.0+23147+\(hash)"
      #expect(try Self.said(file, of: "perl-FCGI", fixed, in: "8.10", module: label).isEmpty)
    }
    #expect(try Self.said(file, of: "perl-FCGI", before, in: "8.10").isEmpty)
    #expect(try Self.said(file, of: "perl-FCGI", before, in: "8.10", module: "perl-FCGI:0.80:1:a").isEmpty)
    // A component that is affected whatever its version, named by its source.
    #expect(
      try Self.said(
        "cve-2024-24786-illegal-module", of: "go-toolset", "1.21-1.module+el8", in: "8.10",
        module: "go-toolset:rhel8:1:a", source: "go-toolset") == ["affected"])
    #expect(
      try Self.said("cve-2024-24786-illegal-module", of: "go-toolset", "1.21-1.el8", in: "8.10", source: "go-toolset")
        .isEmpty)
  }

  @Test func `of Red Hat are all read, and all that they say of packages can be kept`() throws {
    var count = 0
    for (name, bytes) in try VEXFiles.all() where name.hasPrefix("redhat-csaf") {
      let found = try bytes.withUnsafeBytes { try CSAFReader.advisories($0) }
      // What is sent of it says the same, and has no line within.
      let line = try #require(try bytes.withUnsafeBytes { try CSAFReader.line($0) })
      #expect(try line.withUnsafeBytes { try CSAFReader.advisories($0) } == found, "\(name)")
      #expect(line.firstIndex(of: UInt8(ascii: "\n")) == line.count - 1 && line.count <= bytes.count, "\(name)")
      for advisory in found {
        count += 1
        #expect(advisory.withdrawn == nil && advisory.id.hasSuffix(advisory.upstream[0]), "\(name)")
        for affected in advisory.affected {
          let again = try Affected(
            decoding: affected.encoded(), ecosystem: affected.ecosystem, name: affected.name)
          #expect(again == affected, "\(name)")
          if case .undecidable(let why) = affected.verdict("1:1-1.el9_2") { Issue.record("\(name): \(why)") }
        }
      }
    }
    #expect(count == 17)
    // All packages of two samples are not affected: the record is there, and ends what was found before.
    #expect(try CSAFFiles.advisories("cve-2023-4154").map(\.affected) == [[]])
  }

  // MARK: Forms that stand in no sample

  @Test func `of an update have a record for each flaw, and words of severity for each product`() throws {
    let found = try CSAFFiles.read(
      CSAFFiles.document(
        id: "RHSA-2026:1",
        [("A", "cpe:/o:redhat:enterprise_linux:9::baseos"), ("B", "cpe:/a:redhat:enterprise_linux:8")],
        [
          ("p", "pkg:rpm/redhat/p@2-1.el9?arch=x86_64&epoch=3"), ("q", "pkg:rpm/redhat/q"),
          ("s", "pkg:rpm/redhat/p@2-1.el9?arch=src"),
        ],
        vulnerabilities: """
          {"cve":"CVE-2026-1","product_status":{"fixed":["A:p","A:s"],"under_investigation":["B:q"]},"threats":[
          {"category":"impact","details":"Moderate","product_ids":["A:p"]},{"category":"impact","details":"Critical","group_ids":["G"]}]},
          {"cve":"CVE-2026-2","product_status":{"first_fixed":["A:p"],"known_affected":["B:q"]},
          "remediations":[{"category":"no_fix_planned","details":"Will not fix","group_ids":["G"]}]}
          """, groups: ["G": ["B:q"]]))
    #expect(found.map(\.id) == ["RHSA-2026:1-CVE-2026-1", "RHSA-2026:1-CVE-2026-2"])
    #expect(found.map(\.upstream) == [["CVE-2026-1"], ["CVE-2026-2"]])
    #expect(found.map(\.related) == [["RHSA-2026:1"], ["RHSA-2026:1"]] && found.allSatisfy { $0.aliases.isEmpty })
    #expect(
      found[0].affected.map(\.name) == ["q", "p"] && found[0].affected.map(\.state) == [.underInvestigation, .affected])
    #expect(found[0].affected.map { $0.severities.first?.band } == [.critical, .medium])
    #expect(found[0].affected[1].verdict("3:2-0.el9") == .affected(fixed: "3:2-1.el9"))
    #expect(found[0].affected[1].verdict("3:2-1.el9") == .notAffected)
    #expect(found[1].affected.map(\.state) == [.willNotFix, .affected])
    // The word of the document, where a flaw has none.
    #expect(found[1].severities.map(\.band) == [.high])
  }

  @Test func `of Red Hat with sources alone are asked by the source, and with binaries by those`() throws {
    let products = [("R", "cpe:/o:redhat:enterprise_linux:8")]
    func found(_ packages: [(String, String)]) throws -> [String] {
      let advisories = try CSAFFiles.read(
        CSAFFiles.document(
          id: "CVE-2026-1", products, packages,
          vulnerabilities: """
            {"cve":"CVE-2026-1","product_status":{"known_affected":[\(packages.map { "\"R:\($0.0)\"" }.joined(separator: ","))]}}
            """))
      var library = Component(.rpm, name: "openssl-libs", version: "1:1.1.1k-12.el8")
      library.source = .init(name: "openssl", version: "1.1.1k-12.el8")
      return CSAFFiles.said(advisories, of: library, in: Distribution(id: "rhel", versionID: "8.10"))
    }
    let source = ("openssl.src", "pkg:rpm/redhat/openssl?arch=src")
    #expect(try found([source]) == ["affected"])
    #expect(try found([source, ("openssl", "pkg:rpm/redhat/openssl")]).isEmpty)
    #expect(try found([source, ("openssl-libs", "pkg:rpm/redhat/openssl-libs")]) == ["affected"])
  }

  @Test func `say once what one repository of a release has mended and the release as a whole has not`() throws {
    let found = try CSAFFiles.read(
      CSAFFiles.document(
        id: "CVE-2026-1",
        [("A", "cpe:/o:redhat:enterprise_linux:9::baseos"), ("R", "cpe:/o:redhat:enterprise_linux:9")],
        [("p1", "pkg:rpm/redhat/p@2-1.el9?arch=x86_64"), ("p", "pkg:rpm/redhat/p")],
        vulnerabilities: #"{"cve":"CVE-2026-1","product_status":{"fixed":["A:p1"],"known_affected":["R:p"]}}"#))
    let image = Distribution(id: "rhel", versionID: "9.4")
    #expect(
      CSAFFiles.said(found, of: Component(.rpm, name: "p", version: "1-1.el9"), in: image) == ["affected 2-1.el9"])
    #expect(CSAFFiles.said(found, of: Component(.rpm, name: "p", version: "2-1.el9"), in: image).isEmpty)
  }

  @Test func `that were taken back find nothing any more`() throws {
    func status(_ status: String, publisher: String = #""publisher":{"namespace":"https://www.redhat.com"},"#) throws
      -> [Advisory]
    {
      try CSAFFiles.read(
        #"{"document":{\#(publisher)"tracking":{"id":"CVE-2026-1","status":"\#(status)","current_release_date":"2026-02-01T00:00:00Z"}}}"#
      )
    }
    let gone = try #require(try status("deleted").first)
    #expect(gone.id == "REDHAT-CVE-2026-1" && gone.withdrawn == "2026-02-01T00:00:00Z" && gone.affected.isEmpty)
    #expect(try status("final").isEmpty)
    // Whose record it was is not said.
    #expect(try status("deleted", publisher: "").isEmpty)
  }

  // MARK: SUSE

  /// The form of SUSE, with names of this test.
  private static let suse = CSAFFiles.document(
    id: "CVE-2026-3", vendor: "https://www.suse.com/",
    [
      ("SUSE Linux Enterprise Server 15 SP6", "cpe:/o:suse:sles:15:sp6"),
      ("SUSE Linux Enterprise Module for Basesystem 15 SP6", "cpe:/o:suse:sle-module-basesystem:15:sp6"),
      ("SUSE Linux Enterprise Server 15 SP4-LTSS", "cpe:/o:suse:sles-ltss:15:sp4"),
      ("openSUSE Leap 15.6", "cpe:/o:opensuse:leap:15.6"),
    ],
    [
      ("libz1-1.3-150600.2.1", "pkg:rpm/suse/libz1@1.3-150600.2.1?upstream=zlib-1.3-150600.2.1.src.rpm"),
      ("libz1", "pkg:rpm/suse/libz1@?upstream=zlib.src.rpm"),
      ("plain-2-1.x86_64", "pkg:rpm/suse/plain@2-1?arch=x86_64"),
      ("old-1-1", "pkg:rpm/suse/old@1-1?upstream=old-1-1.src.rpm"),
    ],
    vulnerabilities: """
      {"cve":"CVE-2026-3","product_status":{"recommended":["SUSE Linux Enterprise Module for Basesystem 15 SP6:libz1-1.3-150600.2.1",
      "SUSE Linux Enterprise Server 15 SP4-LTSS:plain-2-1.x86_64"],"known_affected":["SUSE Linux Enterprise Server 15 SP6:libz1",
      "openSUSE Leap 15.6:libz1","openSUSE Leap 15.6:old-1-1"]},"threats":[{"category":"impact","details":"important"}],
      "remediations":[{"category":"no_fix_planned","details":"will not be mended","product_ids":["openSUSE Leap 15.6:libz1"]}],
      "scores":[{"cvss_v3":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]}
      """)

  @Test(arguments: [
    ("sles 15.6", "libz1", "zlib", "1.3-150600.1.1", ["affected 1.3-150600.2.1"]),
    ("sles 15.6", "libz1", "zlib", "1.3-150600.2.1", []),
    ("sles 15.6", "zlib-devel", "zlib", "1.2-1", ["affected 1.3-150600.2.1"]),
    ("sles 15.6", "other", "other", "1.2-1", []), ("sles 15.4", "plain-tools", "plain", "1-1", ["affected 2-1"]),
    ("opensuse-leap 15.6", "libz1", "zlib", "9-1", ["will-not-fix"]),
    // Of one version it is known, and nothing of others.
    ("opensuse-leap 15.6", "old", "old", "1-1", ["affected"]), ("opensuse-leap 15.6", "old", "old", "1-0", []),
  ])
  func `of SUSE speak of sources, by what their binaries were built from`(
    distribution: String, name: String, source: String, version: String, expected: [String]
  ) throws {
    var component = Component(.rpm, name: name, version: version)
    component.source = .init(name: source, version: version)
    component.vendor = "SUSE LLC <https://www.suse.com/>"
    let parts = distribution.split(separator: " ").map { String($0) }
    let found = try CSAFFiles.read(Self.suse)
    #expect(found.map(\.id) == ["SUSE-CVE-2026-3"] && found[0].severities.map(\.source) == ["SUSE", "CVSS_V3"])
    #expect(
      CSAFFiles.said(found, of: component, in: Distribution(id: parts[0], versionID: parts[1])) == expected)
  }
}
