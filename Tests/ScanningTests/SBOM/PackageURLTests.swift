import OCI
import Testing

@testable import Scanning

@Suite("Package URLs")
struct PackageURLTests {
  @Test(
    "A text is read and printed as the specification has it",
    arguments: [
      ("pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie", "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie"),
      ("PKG:Deb/Debian/Curl@7.50.3-1+b1", "pkg:deb/debian/curl@7.50.3-1%2Bb1"),
      ("pkg://gem//ruby-advisory-db-check@0.12.4", "pkg:gem/ruby-advisory-db-check@0.12.4"),
      ("pkg:npm/@angular/animation@12.3.1", "pkg:npm/%40angular/animation@12.3.1"),
      ("pkg:npm/@angular/animation", "pkg:npm/%40angular/animation"),
      ("pkg:pypi/Django_package@1.11.1.dev1", "pkg:pypi/django-package@1.11.1.dev1"),
      (
        "pkg:Maven/org.apache.xmlgraphics/batik-anim@1.9.1?repositorY_url=repo.spring.io/release&classifier=sources",
        "pkg:maven/org.apache.xmlgraphics/batik-anim@1.9.1?classifier=sources&repository_url=repo.spring.io%2Frelease"
      ),
      (
        "pkg:golang/google.golang.org/genproto@abcdedf#/googleapis/%2E%2E/api/./annotations/",
        "pkg:golang/google.golang.org/genproto@abcdedf#googleapis/api/annotations"
      ),
      ("pkg:GOLANG/github.com/Masterminds/VCS@v1.13.1", "pkg:golang/github.com/masterminds/vcs@v1.13.1"),
      ("pkg:rpm/opensuse/curl@7.56.1-1.1.?arch=i386&epoch=", "pkg:rpm/opensuse/curl@7.56.1-1.1.?arch=i386"),
      (
        "pkg:oci/static@sha256%3A244FD47e07d10?tag=latest&repository_url=gcr.io/distroless/static",
        "pkg:oci/static@sha256:244fd47e07d10?repository_url=gcr.io%2Fdistroless%2Fstatic&tag=latest"
      ),
      ("pkg:github/Package-url/Purl-Spec@244fd47e07", "pkg:github/package-url/purl-spec@244fd47e07"),
      ("pkg:nuget/EnterpriseLibrary.Common@6.0.1304", "pkg:nuget/EnterpriseLibrary.Common@6.0.1304"),
      ("pkg:cargo/rand@0.7.2", "pkg:cargo/rand@0.7.2"),
      ("pkg:composer/Laravel/Laravel@5.5", "pkg:composer/laravel/laravel@5.5"),
      ("pkg:generic/a%2Fb@1%2F2", "pkg:generic/a%2Fb@1%2F2"),
      ("pkg:generic/größe@1 0", "pkg:generic/gr%C3%B6%C3%9Fe@1%200"),
      ("pkg:generic/100%2525@%253A", "pkg:generic/100%2525@%253A"),
    ])
  func canonical(text: String, expected: String) throws {
    let read = try PackageURL(parsing: text)
    #expect(read.description == expected)
    #expect(try PackageURL(parsing: expected) == read)
  }

  @Test(
    "What is no package URL is refused",
    arguments: [
      "", "pkg:", "pkg:deb", "pkg:deb/", "pkg:/name", "http:deb/x", "deb/debian/curl", "pkg:9x/name", "pkg:d b/name",
      "pkg:deb/na%2", "pkg:deb/na%zz", "pkg:deb/%ff", "pkg:deb/a%2Fb/name", "pkg:deb/name?a=1&a=2", "pkg:deb/name?a",
      "pkg:deb/name?1a=2", "pkg:deb/name?ä=2", "pkg:deb/name#%2F", "pkg:deb/name@%",
      "pkg:generic/" + String(repeating: "x", count: PackageURL.limitBytes),
    ])
  func refused(text: String) {
    #expect(throws: ParseError.self) { try PackageURL(parsing: text) }
  }

  private static func component(
    _ type: PackageType, _ name: String, _ version: String, source: (String, String)? = nil, architecture: String? = nil
  ) -> Component {
    var component = Component(type, name: name, version: version)
    component.source = source.map { .init(name: $0.0, version: $0.1) }
    component.architecture = architecture
    return component
  }

  @Test(
    "A package becomes a package URL, and is the same one when it comes back",
    arguments: [
      (
        component(.deb, "libcurl4", "7.88.1-10+deb12u5", source: ("curl", "7.88.1-10+deb12u5"), architecture: "amd64"),
        "debian 12",
        "pkg:deb/debian/libcurl4@7.88.1-10%2Bdeb12u5?arch=amd64&distro=debian-12&upstream=curl"
      ),
      (
        component(.deb, "bsdutils", "1:2.38.1-5+b1", source: ("util-linux", "2.38.1-5"), architecture: "arm64"),
        "debian 12",
        "pkg:deb/debian/bsdutils@1:2.38.1-5%2Bb1?arch=arm64&distro=debian-12&upstream=util-linux%402.38.1-5"
      ),
      (
        component(.apk, "ssl_client", "1.36.1-r2", source: ("busybox", "1.36.1-r2"), architecture: "x86_64"),
        "alpine 3.18.4",
        "pkg:apk/alpine/ssl_client@1.36.1-r2?arch=x86_64&distro=alpine-3.18.4&upstream=busybox"
      ),
      (
        component(.rpm, "openssl-libs", "1:3.0.7-24.el9", source: ("openssl", "3.0.7-24.el9"), architecture: "x86_64"),
        "rhel 9.3",
        "pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?arch=x86_64&distro=rhel-9.3&epoch=1&upstream=openssl-3.0.7-24.el9.src.rpm"
      ),
      (
        component(.rpm, "libuuid1", "2.37-1", source: ("util-linux", "2.37-1")), "opensuse-leap 15.6",
        "pkg:rpm/opensuse/libuuid1@2.37-1?distro=opensuse-leap-15.6&upstream=util-linux-2.37-1.src.rpm"
      ),
      (component(.pypi, "typing-extensions", "4.9.0"), "", "pkg:pypi/typing-extensions@4.9.0"),
      (component(.npm, "@babel/core", "7.0.0"), "", "pkg:npm/%40babel/core@7.0.0"),
      (
        component(.maven, "org.apache.logging.log4j:log4j-core", "2.14.1"), "",
        "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"
      ),
      (component(.golang, "github.com/BurntSushi/toml", "v1.2.0"), "", "pkg:golang/github.com/burntsushi/toml@v1.2.0"),
      (component(.golang, "stdlib", "1.21.0"), "", "pkg:golang/stdlib@1.21.0"),
      (component(.composer, "monolog/monolog", "2.1.0"), "", "pkg:composer/monolog/monolog@2.1.0"),
      (component(.nuget, "Newtonsoft.Json", "12.0.1"), "", "pkg:nuget/Newtonsoft.Json@12.0.1"),
      (component(.cargo, "serde_json", "1.0.0"), "", "pkg:cargo/serde_json@1.0.0"),
      (component(.gem, "rack", "2.2.3"), "", "pkg:gem/rack@2.2.3"),
    ])
  func roundTrip(component: Component, system: String, expected: String) throws {
    let words = system.split(separator: " ").map { String($0) }
    let distribution = words.first.map { Distribution(id: $0, versionID: words[1]) }
    let made = try #require(PackageURL(component, in: distribution))
    #expect(made.description == expected)
    let back = try #require(try PackageURL(parsing: expected).component(spelled: component.name))
    #expect(back.component == component)
    #expect(back.distribution == distribution)
  }

  @Test(
    "The distribution is understood as different tools write it",
    arguments: [
      ("pkg:deb/debian/curl@1?distro=debian-12.4", "Debian:12"), ("pkg:deb/debian/curl@1?distro=bookworm", "Debian:12"),
      ("pkg:deb/debian/curl@1?distro=debian-trixie", "Debian:13"), ("pkg:deb/debian/curl@1?distro=12", "Debian:12"),
      ("pkg:deb/ubuntu/curl@1?distro=ubuntu-22.04", "Ubuntu:22.04:LTS"),
      ("pkg:apk/alpine/curl@1?distro=3.18.4", "Alpine:v3.18"),
      ("pkg:apk/alpine/curl@1?distro=alpine-edge", "Alpine:edge"),
      ("pkg:apk/wolfi/curl@1", "Wolfi"), ("pkg:rpm/opensuse/curl@1?distro=opensuse-tumbleweed", "openSUSE:Tumbleweed"),
      ("pkg:rpm/amazon/curl@1?distro=amazon-2023", "Amazon Linux:2023"),
      ("pkg:rpm/oracle/curl@1?distro=oracle-9.3", "Oracle Linux:9"),
      ("pkg:rpm/rocky/curl@1?distro=rocky-9.3", "Rocky Linux:9"),
      ("pkg:rpm/fedora/curl@1?distro=fedora-25", "Fedora:25"),
    ])
  func distribution(text: String, ecosystem: String) throws {
    let read = try #require(try PackageURL(parsing: text).component())
    #expect(read.distribution?.ecosystems == [Ecosystem(parsing: ecosystem)])
  }

  @Test("An epoch beside the version belongs to it, and headers are known by their name")
  func epoch() throws {
    let read = try #require(try PackageURL(parsing: "pkg:deb/debian/bsdutils@2.38.1-5?epoch=1").component())
    #expect(read.component.version == "1:2.38.1-5")
    let headers = try #require(try PackageURL(parsing: "pkg:deb/debian/linux-libc-dev@6.1.1-1").component())
    #expect(headers.component.isHeadersOnly)
  }

  @Test("An image is named by its digest, its repository and its tag")
  func image() throws {
    let digest = try Digest(parsing: "sha256:" + String(repeating: "ab", count: 32))
    let made = PackageURL.image(digest, repository: "registry.example/team/App", architecture: "amd64", tag: "v1")
    #expect(
      made?.description
        == "pkg:oci/app@\(digest)?arch=amd64&repository_url=registry.example%2Fteam%2FApp&tag=v1")
  }

  @Test("Whatever the bytes, reading ends, and what is read is read again")
  func noise() throws {
    var random = DamagedDatabaseTests.Seeded(state: 7)
    let alphabet = Array("pkg:/@?#&=%25aZ09.-_+é\u{301} ".unicodeScalars)
    for _ in 0..<5_000 {
      var text = "pkg:a/"
      for _ in 0..<Int.random(in: 0..<24, using: &random) {
        if let scalar = alphabet.randomElement(using: &random) { text.unicodeScalars.append(scalar) }
      }
      guard let read = try? PackageURL(parsing: text) else { continue }
      #expect(try PackageURL(parsing: read.description) == read, "\(text.debugDescription)")
    }
  }
}
