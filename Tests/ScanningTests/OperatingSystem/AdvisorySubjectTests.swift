import Testing

@testable import Scanning

@Suite("By what name and version advisories speak of a package")
struct AdvisorySubjectTests {
  private static func distribution(_ text: String) -> Distribution {
    let parts = text.split(separator: " ", maxSplits: 1).map { String($0) }
    return Distribution(id: parts[0], versionID: parts.count > 1 ? parts[1] : "")
  }

  @Test(
    "Each distribution has its ecosystem",
    arguments: [
      ("debian 12", "Debian:12"), ("debian 12.5", "Debian:12"), ("ubuntu 22.04", "Ubuntu:22.04:LTS"),
      ("ubuntu 25.10", "Ubuntu:25.10"), ("ubuntu 21.04", "Ubuntu:21.04"), ("alpine 3.18.4", "Alpine:v3.18"),
      ("alpine edge", "Alpine:edge"), ("wolfi 20230201", "Wolfi"), ("chainguard", "Chainguard"),
      ("almalinux 9.4", "AlmaLinux:9"), ("rocky 9.3", "Rocky Linux:9"), ("opensuse-leap 15.6", "openSUSE:Leap 15.6"),
      ("opensuse-tumbleweed 20240801", "openSUSE:Tumbleweed"), ("azurelinux 3.0", "Azure Linux:3"),
      ("mariner 2.0", "Azure Linux:2"), ("photon 5.0", "Photon OS:5.0"), ("amzn 2023", "Amazon Linux:2023"),
      ("ol 9.3", "Oracle Linux:9"), ("fedora 40", "Fedora:40"), ("mageia 9", "Mageia:9"),
      ("sle-micro 5.5", "SUSE:Linux Enterprise Micro 5.5"), ("sl-micro 6.1", "SUSE:Linux Micro 6.1"),
      ("sles 16.0", "SUSE:Linux Enterprise Server 16.0"),
    ])
  func ecosystem(name: String, expected: String) {
    #expect(Self.distribution(name).ecosystems == [Ecosystem(parsing: expected)])
  }

  @Test(
    "Of Red Hat and SUSE all repositories and modules of the release are asked",
    arguments: [
      ("rhel 9.4", "Red Hat:enterprise_linux:9::appstream"), ("rhel 9.4", "Red Hat:enterprise_linux:9::baseos"),
      ("rhel 7.9", "Red Hat:enterprise_linux:7::server"), ("rhel 10.1", "Red Hat:enterprise_linux:10.0"),
      ("rhel 9.4", "Red Hat:enterprise_linux:9"), ("rhel 10.1", "Red Hat:enterprise_linux:10"),
      ("rhel 10.0", "Red Hat:enterprise_linux:10.1"), ("centos 7", "Red Hat:enterprise_linux:7::server"),
      ("sles 15.6", "SUSE:Linux Enterprise Module for Basesystem 15 SP6"),
      ("sles 15.4", "SUSE:Linux Enterprise Server 15 SP4-LTSS"), ("sles 12.5", "SUSE:Linux Enterprise Server 12 SP5"),
      ("sles_sap 15.5", "SUSE:Linux Enterprise Server for SAP Applications 15 SP5"),
      ("sled 15.6", "SUSE:Linux Enterprise Module for Desktop Applications 15 SP6"),
    ])
  func product(name: String, expected: String) {
    #expect(Self.distribution(name).ecosystems.contains(Ecosystem(parsing: expected)))
  }

  @Test("A product of Red Hat that is not the system itself is named by its CPE")
  func productByCPE() {
    var found = Distribution(id: "rhel", versionID: "9.4")
    found.cpeName = "cpe:/a:redhat:enterprise_linux_ai:1.1::el9"
    #expect(found.ecosystems.first == Ecosystem(parsing: "Red Hat:enterprise_linux_ai:1.1::el9"))
    #expect(found.ecosystems.last == Ecosystem(parsing: "Red Hat:enterprise_linux_ai:1"))
  }

  @Test("openEuler's service pack stands in its full name only")
  func openEuler() {
    var found = Distribution(id: "openeuler", versionID: "22.03")
    found.prettyName = "openEuler 22.03 (LTS-SP1)"
    #expect(found.ecosystems == [Ecosystem(parsing: "openEuler:22.03-LTS-SP1")])
  }

  private static func component(
    _ type: PackageType, _ name: String, _ version: String, source: (String, String)? = nil, vendor: String? = nil
  ) -> Component {
    var component = Component(type, name: name, version: version)
    component.source = source.map { .init(name: $0.0, version: $0.1) }
    component.vendor = vendor
    return component
  }

  @Test("Distributions that judge sources are asked by source, the others by binary")
  func naming() throws {
    let library = Self.component(.deb, "libssl3", "3.0.11-1~deb12u2+b1", source: ("openssl", "3.0.11-1~deb12u2"))
    let debian = Ecosystem("Debian", release: "12")
    #expect(
      try AdvisorySubject.of(library, in: Self.distribution("debian 12")).get() == [
        AdvisorySubject(debian, "openssl", "3.0.11-1~deb12u2")
      ])
    let rpm = Self.component(.rpm, "openssl-libs", "1:3.0.7-27.el9", source: ("openssl", "3.0.7-27.el9"))
    #expect(
      try AdvisorySubject.of(rpm, in: Self.distribution("almalinux 9.4")).get() == [
        AdvisorySubject(Ecosystem("AlmaLinux", release: "9"), "openssl-libs", "1:3.0.7-27.el9")
      ])
    #expect(
      try AdvisorySubject.of(rpm, in: Self.distribution("rocky 9.4")).get() == [
        AdvisorySubject(Ecosystem("Rocky Linux", release: "9"), "openssl", "1:3.0.7-27.el9")
      ])
  }

  @Test("A package of a module stream of Red Hat is asked for under that")
  func module() throws {
    var package = Self.component(.rpm, "npm", "1:10.2-1.18", source: ("nodejs", "18.19-1"))
    func names(_ release: String) throws -> [String] {
      try AdvisorySubject.of(package, in: Self.distribution("rhel 8.10")).get()
        .filter { $0.ecosystem.release == release }.map { "\($0.name) \($0.version)" }
    }
    #expect(try names("enterprise_linux:8::appstream") == ["npm 1:10.2-1.18"])
    #expect(try names("enterprise_linux:8") == ["npm 1:10.2-1.18", "nodejs.src 1:18.19-1"])
    package.module = "nodejs:18:8090020240301:a75119d5"
    #expect(
      try names("enterprise_linux:8::appstream")
        == ["nodejs:18/npm 1:10.2-1.18", "?/npm 1:10.2-1.18", "-/npm 1:10.2-1.18"])
    #expect(try names("enterprise_linux:8") == ["nodejs:18/npm 1:10.2-1.18", "nodejs:18/nodejs.src 1:18.19-1"])
  }

  @Test(
    "Packages of languages are asked for in their ecosystem",
    arguments: [
      (PackageType.pypi, "Flask_Cors", "PyPI", "flask-cors"), (.npm, "@scope/n", "npm", "@scope/n"),
      (.gem, "rack", "RubyGems", "rack"), (.maven, "g:a", "Maven", "g:a"), (.golang, "stdlib", "Go", "stdlib"),
      (.cargo, "time", "crates.io", "time"), (.composer, "Symfony/Http", "Packagist", "symfony/http"),
      (.nuget, "Newtonsoft.Json", "NuGet", "newtonsoft.json"),
    ])
  func language(type: PackageType, name: String, ecosystem: String, normalised: String) throws {
    let found = try AdvisorySubject.of(Self.component(type, name, "1.0"), in: nil).get()
    #expect(found.map(\.ecosystem) == [Ecosystem(ecosystem)])
    #expect(found.map(\.name) == [normalised])
  }

  static let notJudged: [(Component, String?, String)] = [
    (component(.deb, "a", "1", source: ("a", "1")), nil, "its distribution is not known"),
    (component(.deb, "a", "1", source: ("a", "1")), "kali 2024.1", "no advisories are known for kali 2024.1"),
    (component(.deb, "a", "1", source: ("a", "1")), "debian", "no advisories are known for debian"),
    (component(.deb, "a", "1"), "ubuntu 22.04", "the source that it was built from is not known"),
    (
      component(.rpm, "docker-ce", "3:26.1-1.el9", vendor: "Docker"), "almalinux 9.4",
      "it was built by “Docker”, not by the distribution"
    ),
    (
      component(.rpm, "gpg-pubkey", "fd431d51-4ae0493b"), "rhel 9.4",
      "it is a key for signatures, and nothing that runs"
    ),
    (component(.golang, "example.org/x", "(devel)"), nil, "its version is not known"),
    (component(.golang, "example.org/x", ""), "debian 12", "its version is not known"),
  ]

  @Test("What cannot be judged has its reason, and is not “no findings”", arguments: notJudged)
  func reasons(component: Component, distribution: String?, reason: String) {
    #expect(
      AdvisorySubject.of(component, in: distribution.map { Self.distribution($0) }) == .failure(.init(text: reason)))
  }

  @Test("Headers of the kernel are not judged for the kernel, and CentOS Stream not as what it is ahead of")
  func special() {
    var headers = Self.component(.deb, "linux-libc-dev", "6.1.90-1", source: ("linux", "6.1.90-1"))
    headers.isHeadersOnly = true
    #expect(throws: AdvisorySubject.NotJudged.self) {
      try AdvisorySubject.of(headers, in: Self.distribution("debian 12")).get()
    }
    var stream = Distribution(id: "centos", versionID: "9")
    stream.prettyName = "CentOS Stream 9"
    #expect(stream.ecosystems.isEmpty)
  }

  @Test("The vendors of real databases are their distributions'")
  func vendors() throws {
    let mariner = try #require(
      try SystemFile.read("var/lib/rpm/rpmdb.sqlite", try SharedData.bytes("rpmdb/cbl-mariner-2.0/rpmdb.sqlite")))
    let suse = try #require(
      try SystemFile.read("usr/lib/sysimage/rpm/Packages.db", try SharedData.bytes("rpmdb/sle15-bci/Packages.db")))
    for (artefact, distribution) in [(mariner, "mariner 2.0"), (suse, "sles 15.3")] {
      for component in artefact.components {
        #expect(throws: Never.self) { try AdvisorySubject.of(component, in: Self.distribution(distribution)).get() }
      }
    }
  }

  @Test("A package of a real database is found by a real form of its advisories")
  func together() throws {
    let artefact = try #require(
      try SystemFile.read("var/lib/rpm/rpmdb.sqlite", try SharedData.bytes("rpmdb/cbl-mariner-2.0/rpmdb.sqlite")))
    let certificates = try #require(artefact.components.first { $0.name == "ca-certificates-base" })
    var affected = Affected(ecosystem: Ecosystem("Azure Linux", release: "2"), name: "ca-certificates")
    affected.ranges = [AdvisoryRange(.ecosystem, [.introduced("0"), .fixed("1:2.0.0-2.cm2")])]
    var advisory = Advisory(id: "AZL-1")
    advisory.affected = [affected]
    var index = AdvisoryIndex()
    index.add(advisory)
    let subject = try #require(try AdvisorySubject.of(certificates, in: Self.distribution("mariner 2.0")).get().first)
    #expect(index.advisories(for: subject.ecosystem, subject.name, subject.version).affected == ["AZL-1"])
  }
}
