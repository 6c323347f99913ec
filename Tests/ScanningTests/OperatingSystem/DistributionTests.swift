import Testing

@testable import Scanning

@Suite("Which operating system an image is of")
struct DistributionTests {
  private static func distribution(_ files: [(String, String)]) throws -> Distribution? {
    Distribution(choosing: try files.compactMap { try SystemFile.read($0.0, $0.1) })
  }

  @Test(
    "One file is enough",
    arguments: [
      ("etc/os-release", "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n", "debian", "12"),
      ("usr/lib/os-release", "ID='alpine'\r\nVERSION_ID=3.18.4\r\n", "alpine", "3.18.4"),
      ("etc/os-release", "# a comment\nID=\"openEuler\"\nVERSION_ID=\"22.03\"\n", "openeuler", "22.03"),
      ("etc/alpine-release", "3.18.4\n", "alpine", "3.18.4"), ("etc/debian_version", "12.5\n", "debian", "12.5"),
      ("etc/debian_version", "trixie/sid\n", "debian", ""),
      ("etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\n", "ubuntu", "22.04"),
      ("etc/redhat-release", "Red Hat Enterprise Linux release 8.10 (Ootpa)\n", "rhel", "8.10"),
      ("etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n", "centos", "7.9.2009"),
      ("etc/rocky-release", "Rocky Linux release 9.3 (Blue Onyx)\n", "rocky", "9.3"),
      ("etc/almalinux-release", "AlmaLinux release 9.4 (Seafoam Ocelot)\n", "almalinux", "9.4"),
      ("etc/oracle-release", "Oracle Linux Server release 9.3\n", "ol", "9.3"),
      ("etc/fedora-release", "Fedora release 40 (Forty)\n", "fedora", "40"),
      ("etc/system-release", "Amazon Linux release 2 (Karoo)\n", "amzn", "2"),
    ])
  func single(path: String, text: String, id: String, version: String) throws {
    let found = try #require(try Self.distribution([(path, text)]))
    #expect(found.id == id)
    #expect(found.versionID == version)
  }

  @Test("A derived distribution is not taken for what it derives from")
  func derived() throws {
    let ubuntu = try Self.distribution([
      ("etc/debian_version", "bookworm/sid\n"), ("etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n"),
    ])
    #expect(ubuntu?.id == "ubuntu")
    let oracle = try Self.distribution([
      ("etc/redhat-release", "Red Hat Enterprise Linux release 9.3 (Plow)\n"),
      ("etc/oracle-release", "Oracle Linux Server release 9.3\n"),
    ])
    #expect(oracle?.id == "ol")
  }

  @Test(
    "Debian before its release is judged as the release that it will be",
    arguments: [("trixie/sid", "VERSION_CODENAME=trixie\n", "13"), ("forky/sid", "", "14")])
  func testing(version: String, more: String, release: String) throws {
    let found = try #require(
      try Self.distribution([("etc/os-release", "ID=debian\n\(more)"), ("etc/debian_version", version)]))
    #expect(found.ecosystems == [Ecosystem("Debian", release: release)])
  }

  @Test("Alpine's edge is known by its repository, whatever release it says it will be")
  func edge() throws {
    let release = ("etc/os-release", "ID=alpine\nVERSION_ID=3.22.0\n")
    let edge = "https://dl-cdn.alpinelinux.org/alpine/edge/main\n"
    let stable = "#\(edge)https://dl-cdn.alpinelinux.org/alpine/v3.22/main\n@edge \(edge)"
    #expect(try Self.distribution([release, ("etc/apk/repositories", edge)])?.versionID == "edge")
    #expect(try Self.distribution([release, ("etc/apk/repositories", stable)])?.versionID == "3.22.0")
    #expect(
      try Self.distribution([("etc/os-release", "ID=alpine\nVERSION_ID=3.23_alpha20250612\n")])?.versionID == "edge")
  }

  @Test("Repositories without a release say nothing of which distribution it is")
  func repositoriesAlone() throws {
    #expect(try Self.distribution([("etc/apk/repositories", "https://a/alpine/edge/main\n")]) == nil)
  }

  @Test("Ubuntu Pro is asked about only where it is attached")
  func pro() throws {
    let release = ("etc/os-release", "ID=ubuntu\nVERSION_ID=\"18.04\"\n")
    func status(_ attached: Bool) -> (String, String) {
      (
        "var/lib/ubuntu-advantage/status.json",
        #"{"attached":\#(attached),"services":[{"name":"esm-infra","status":"enabled"},{"name":"fips","status":"n/a"}]}"#
      )
    }
    let plain = Ecosystem(parsing: "Ubuntu:18.04:LTS")
    #expect(try Self.distribution([release, status(false)])?.ecosystems == [plain])
    let attached = try #require(try Self.distribution([release, status(true)]))
    #expect(attached.services == ["esm-infra"])
    #expect(attached.ecosystems == [Ecosystem(parsing: "Ubuntu:Pro:18.04:LTS"), plain])
    #expect(throws: CatalogueError.self) { try SystemFile.read(status(true).0, "{") }
  }

  @Test("What an image says of its system survives being kept")
  func kept() throws {
    var inventory = LayerInventory(revision: 1)
    var distribution = Distribution(id: "ubuntu", versionID: "22.04")
    distribution.services = ["esm-apps"]
    inventory.artefacts = [Artefact(path: "etc/os-release", cataloguer: "os-release", distribution: distribution)]
    var owning = Artefact(
      path: "lib/apk/db/installed", cataloguer: "apk", components: [Component(.apk, name: "a", version: "1")])
    owning.ownedPaths = ["usr/bin/a"]
    owning.pathOwners = [0]
    inventory.artefacts.append(owning)
    #expect(try LayerInventory(decoding: inventory.encoded()) == inventory)
  }
}
