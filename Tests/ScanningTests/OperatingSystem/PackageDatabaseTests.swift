import Foundation
import TestSupport
import Testing

@testable import Scanning

@Suite("Databases of dpkg and apk")
struct PackageDatabaseTests {
  @Test("What dpkg-query says of this machine is what is found in its database")
  func thisMachine() throws {
    let format = "${db:Status-Status}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\n"
    let text = try FinishedProgram("dpkg-query", ["-W", "-f", format]).text
    let expected = text.split(separator: "\n").compactMap { line -> String? in
      guard let tab = line.firstIndex(of: "\t") else { return nil }
      return ["config-files", "not-installed"].contains(line[..<tab]) ? nil : String(line[line.index(after: tab)...])
    }
    #expect(!expected.isEmpty)
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: "/var/lib/dpkg/status")))
    let artefact = try #require(try SystemFile.read("var/lib/dpkg/status", bytes))
    let found = artefact.components.map { component in
      [
        component.name, component.version, component.source?.name ?? "", component.source?.version ?? "",
        component.architecture ?? "",
      ].joined(separator: "\t")
    }
    #expect(found.sorted() == expected.sorted())
  }

  static let status = """
    Package: a
    Status: install ok installed
    Architecture: amd64
    Source: b (1:2.0-1)
    Version: 2.0-1+b1
    Description: one
     Package: not-a-field
     .

    Package: removed
    Status: deinstall ok config-files
    Version: 1

    Package: gone
    Status: purge ok not-installed
    Version: 1

    Package: half
    Status: install ok half-configured
    Version: 1

    Package: unpacked
    Status: install ok unpacked
    Version: 1

    Package: waiting
    Status: install ok triggers-pending
    Version: 1

    Package: linux-libc-dev
    Status: install ok installed
    Version: 6.1.90-1
    Source: linux
    """

  @Test("Whatever is on disk counts, configured or not, with its source and the version of that")
  func dpkg() throws {
    let found = try #require(try SystemFile.read("var/lib/dpkg/status", Self.status)).components
    #expect(found.map(\.name) == ["a", "half", "unpacked", "waiting", "linux-libc-dev"])
    #expect(found.first?.source == .init(name: "b", version: "1:2.0-1"))
    #expect(found.last?.source == .init(name: "linux", version: "6.1.90-1"))
    #expect(found.map(\.isHeadersOnly) == [false, false, false, false, true])
  }

  @Test("A part says what it is of without a status, and its sums say what it owns")
  func distroless() throws {
    let part = try #require(try SystemFile.read("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a-0\n"))
    #expect(part.components.map(\.name) == ["tzdata"])
    let sums = try #require(
      try SystemFile.read(
        "var/lib/dpkg/status.d/python3.md5sums",
        "0123456789abcdef0123456789abcdef  usr/bin/python3\n0123456789abcdef0123456789abcdef  usr/share/doc/x\n"))
    #expect(sums.ownedPaths == ["usr/bin/python3"])
    #expect(sums.ownerName == "python3")
    #expect(sums.components.isEmpty)
  }

  @Test("A list of files keeps what another cataloguer might read")
  func list() throws {
    let list = try #require(
      try SystemFile.read(
        "var/lib/dpkg/info/python3-six:amd64.list",
        "/.\n/usr\n/usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO\n/usr/share/doc/python3-six/copyright\n")
    )
    #expect(list.ownedPaths == ["usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO"])
    #expect(list.ownerName == "python3-six")
    #expect(try SystemFile.read("var/lib/dpkg/info/a.list", "/.\n/usr\n") == nil)
    #expect(try SystemFile.read("var/lib/dpkg/info/a.postinst", "/usr/bin/a\n") == nil)
  }

  static let installed = """
    C:Q1abc=
    P:py3-six
    V:1.16.0-r8
    A:x86_64
    L:MIT
    o:six
    F:usr/lib/python3.11/site-packages/six-1.16.0.dist-info
    R:METADATA
    Z:Q1abc=
    F:usr/share/doc
    R:readme

    P:busybox
    V:1.36.1-r2
    F:bin
    R:busybox
    """

  @Test("apk names the origin, and the package that owns each file")
  func apk() throws {
    let artefact = try #require(try SystemFile.read("lib/apk/db/installed", Self.installed))
    #expect(artefact.components.map(\.name) == ["py3-six", "busybox"])
    #expect(artefact.components.map(\.source?.name) == ["six", "busybox"])
    #expect(artefact.components.first?.licenses == ["MIT"])
    #expect(
      artefact.ownedPaths == ["usr/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA", "bin/busybox"])
    #expect(artefact.ownedPaths.indices.map { artefact.owner(ofPathAt: $0) } == ["py3-six", "busybox"])
  }

  @Test("Mariner's list of packages in images without rpm")
  func manifest() throws {
    let text =
      "openssl-libs\t1.1.1k-29.cm2\t1700000000\t1690000000\tMicrosoft Corporation\t(none)\t4000000\tx86_64\t0\topenssl-1.1.1k-29.cm2.src.rpm\n"
      + "shadow\t4.9-1.cm2\t1\t1\tMicrosoft Corporation\t(none)\t1\tx86_64\t2\tshadow-utils-4.9-1.cm2.src.rpm\n"
    let found = try #require(try SystemFile.read("var/lib/rpmmanifest/container-manifest-2", text)).components
    #expect(found.map(\.version) == ["1.1.1k-29.cm2", "2:4.9-1.cm2"])
    #expect(found.map(\.source?.name) == ["openssl", "shadow-utils"])
    #expect(throws: CatalogueError.self) {
      try SystemFile.read("var/lib/rpmmanifest/container-manifest-2", "openssl-libs 1.1.1k\n")
    }
  }

  static let slices = """
    {"jsonwall":"1.0","schema":"1.0","count":4}
    {"kind":"content","slice":"libssl3_libs","path":"/usr/bin/openssl"}
    {"kind":"package","name":"libssl3","version":"3.0.2-0ubuntu1.15","digest":"00","arch":"amd64"}
    {"kind":"path","path":"/usr/bin/openssl","mode":"0755","slices":["libssl3_libs"]}
    {"kind":"path","path":"/usr/share/doc/x","mode":"0644","slices":["libssl3_libs"]}

    """

  @Test("Slices of packages are listed, and not judged: their sources are not known")
  func chisel() throws {
    let path = "var/lib/chisel/manifest.wall"
    let packed = try SharedData.packed(Array(Self.slices.utf8))
    let artefact = try #require(try SystemFile.read(path, packed))
    #expect(artefact.components.map(\.name) == ["libssl3"])
    #expect(artefact.ownedPaths == ["usr/bin/openssl"])
    #expect(artefact.owner(ofPathAt: 0) == "libssl3")
    let component = try #require(artefact.components.first)
    #expect(throws: AdvisorySubject.NotJudged.self) {
      try AdvisorySubject.of(component, in: Distribution(id: "ubuntu", versionID: "22.04")).get()
    }
    for length in packed.indices.dropFirst(8) {
      #expect(throws: CatalogueError.self) { try SystemFile.read(path, Array(packed[..<length])) }
    }
    #expect(throws: CatalogueError.self) { try SystemFile.read(path, try SharedData.packed(Array("{".utf8))) }
  }

  @Test("A database that names packages or programs without end is a reason")
  func endless() {
    let packages = String(repeating: "P:a\nV:1\n\n", count: 100_001)
    #expect(throws: CatalogueError.self) { try SystemFile.read("lib/apk/db/installed", packages) }
    let parts = String(repeating: "Package: a\nVersion: 1\nStatus: installed\n\n", count: 100_001)
    #expect(throws: CatalogueError.self) { try SystemFile.read("var/lib/dpkg/status", parts) }
  }

  @Test("A package of a language that a package of the system owns is marked with its name")
  func ownership() throws {
    var layer = LayerInventory(revision: 1)
    for (path, text) in [
      ("lib/apk/db/installed", Self.installed), ("etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\n"),
    ] {
      layer.artefacts.append(try #require(try SystemFile.read(path, text)))
    }
    layer.artefacts.append(
      Artefact(
        path: "usr/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA", cataloguer: "python",
        components: [Component(.pypi, name: "six", version: "1.16.0")]))
    let image = ImageInventory(folding: [layer])
    #expect(image.components.first { $0.component.type == .pypi }?.ownedBy == "py3-six")
  }
}
