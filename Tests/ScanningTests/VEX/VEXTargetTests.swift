import OCI
import Testing

@testable import Scanning

@Suite("What a statement is said of")
struct VEXTargetTests {
  private static let digest = "sha256:" + String(repeating: "ab", count: 32)
  private static let other = "sha256:" + String(repeating: "cd", count: 32)

  @Test(
    "A target is a text and comes back from it",
    arguments: [
      "", "attached pkg:npm/a", digest, "\(digest) pkg:deb/debian/curl@1", "pkg:oci/app?repository_url=x%2Fapp",
      "pkg:oci/app pkg:npm/%40a/b@1", "pkg:golang/a/b pkg:golang/c/d", "cpe:/o:redhat:enterprise_linux:9",
      "cpe:/o:suse:sles:15:sp6 pkg:rpm/suse/x", "cpe:/o:a:b", "cpe:/o:a:b::u",
    ])
  func text(text: String) throws {
    #expect(try #require(VEXTarget(parsing: text)).description == text)
  }

  @Test(
    "What is no target is refused",
    arguments: [
      "attached", " pkg:npm/a", "x", "pkg:npm/a x", "pkg:npm/a pkg:npm/b pkg:npm/c", "cpe:/o::x", "sha256:ab", " ",
    ])
  func refused(text: String) {
    #expect(VEXTarget(parsing: text) == nil)
  }

  private static func image() throws -> VEXImage {
    var image = VEXImage(
      digests: [try Digest(parsing: digest)], repositories: ["aquasecurity/trivy", "berth.example/aquasecurity/Trivy"],
      distribution: Distribution(id: "rhel", versionID: "9.4"))
    image.distribution?.cpeName = "cpe:/o:redhat:enterprise_linux:9::baseos"
    image.tags = ["v1"]
    image.architecture = "amd64"
    return image
  }

  private static func openssl(module: String? = nil) -> Component {
    var component = Component(.rpm, name: "openssl-libs", version: "1:3.0.7-24.el9")
    component.source = .init(name: "openssl", version: "3.0.7-24.el9")
    component.architecture = "x86_64"
    component.module = module
    return component
  }

  @Test(
    "A package of a system is meant by its name, its source, its version, its distribution and its product",
    arguments: [
      ("pkg:rpm/redhat/openssl-libs", true), ("pkg:rpm/openssl-libs", true), ("pkg:rpm/suse/openssl-libs", false),
      ("pkg:rpm/redhat/openssl", false), ("pkg:rpm/redhat/openssl?arch=src", true),
      ("pkg:deb/redhat/openssl-libs", false),
      ("pkg:rpm/redhat/openssl@3.0.7-24.el9?arch=src", true),
      ("pkg:rpm/redhat/openssl@3.0.7-24.el9?arch=src&epoch=1", true),
      ("pkg:rpm/redhat/openssl@3.0.7-25.el9?arch=src", false),
      ("pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?epoch=1", true),
      ("pkg:rpm/redhat/openssl-libs@3.0.7-24.el9", true), ("pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?epoch=2", false),
      ("pkg:rpm/redhat/openssl-libs?arch=x86_64", true), ("pkg:rpm/redhat/openssl-libs?arch=s390x", false),
      ("pkg:rpm/redhat/openssl-libs?distro=rhel-9", true), ("pkg:rpm/redhat/openssl-libs?distro=rhel-8", false),
      ("pkg:rpm/redhat/openssl-libs?rpmmod=openssl:1", false), ("pkg:rpm/redhat/openssl-libs#lib", false),
      ("cpe:/o:redhat:enterprise_linux:9 pkg:rpm/redhat/openssl?arch=src", true),
      ("cpe:/a:redhat:enterprise_linux:9::appstream pkg:rpm/redhat/openssl?arch=src", true),
      ("cpe:/o:redhat:enterprise_linux:8 pkg:rpm/redhat/openssl?arch=src", false),
      ("cpe:/o:redhat:rhel_eus:9.2 pkg:rpm/redhat/openssl?arch=src", false),
      ("cpe:/o:redhat:enterprise_linux:9", true), ("cpe:2.3:o:redhat:enterprise_linux:9:*:*:*:*:*:*:*", true),
    ])
  func system(text: String, expected: Bool) throws {
    let image = try Self.image()
    let target = try #require(VEXTarget(parsing: text))
    #expect(target.takes(VEXPackage(Self.openssl(), in: image), in: image, isAttached: false) == expected)
  }

  @Test(
    "A package of a module is meant where its module or its version is named",
    arguments: [
      ("pkg:rpm/redhat/openssl-libs", false), ("pkg:rpm/redhat/openssl-libs?rpmmod=tls:1", true),
      ("pkg:rpm/redhat/openssl-libs?rpmmod=tls:1:800:abc", true), ("pkg:rpm/redhat/openssl-libs?rpmmod=tls:2", false),
      ("pkg:rpm/redhat/openssl-libs@3.0.7-24.el9", true),
    ])
  func module(text: String, expected: Bool) throws {
    let image = try Self.image()
    let package = VEXPackage(Self.openssl(module: "tls:1:800:abc"), in: image)
    #expect(try #require(VEXTarget(parsing: text)).takes(package, in: image, isAttached: false) == expected)
  }

  @Test(
    "A package of a language is meant by its whole name; a package in a product, where the product is there",
    arguments: [
      ("pkg:golang/golang.org/x/net", true), ("pkg:golang/golang.org/x/net@v0.7.0", true), ("pkg:golang/net", false),
      ("pkg:golang/golang.org/x/net@0.7.0", true), ("pkg:golang/golang.org/x/net@v0.8.0", false),
      ("pkg:golang/github.com/Rancher/wharfie", false),
      ("pkg:golang/github.com/Rancher/wharfie pkg:golang/golang.org/x/net@v0.7.0", true),
      ("pkg:golang/github.com/rancher/wharfie@v0.6.8 pkg:golang/golang.org/x/net", true),
      ("pkg:golang/github.com/rancher/wharfie@v0.6.9 pkg:golang/golang.org/x/net", false),
      ("pkg:golang/github.com/rancher/rke2 pkg:golang/golang.org/x/net", false),
      ("pkg:rpm/redhat/wharfie pkg:golang/golang.org/x/net", true), ("pkg:rpm/redhat/wharfie", true),
      ("pkg:rpm/fedora/wharfie", false), ("pkg:rpm/redhat/wharfie@1", false),
      ("cpe:/o:redhat:enterprise_linux:9", false),
    ])
  func language(text: String, expected: Bool) throws {
    let image = try Self.image()
    let package = VEXPackage(
      Component(.golang, name: "golang.org/x/net", version: "v0.7.0"), in: image, ownedBy: "wharfie",
      neighbours: [try PackageURL(parsing: "pkg:golang/github.com/rancher/wharfie@v0.6.8")])
    #expect(try #require(VEXTarget(parsing: text)).takes(package, in: image, isAttached: false) == expected)
  }

  @Test(
    "An image is meant by its digest, its repository, its tag, or because the document is attached to it",
    arguments: [
      (digest, true), (other, false), ("pkg:oci/trivy@\(digest)", true), ("pkg:oci/trivy@\(other)", false),
      ("pkg:oci/trivy", true), ("pkg:oci/rivy", false), ("pkg:oci/trivy@v1", true), ("pkg:oci/trivy?tag=v2", false),
      ("pkg:oci/trivy?repository_url=berth.example%2Faquasecurity%2Ftrivy", true),
      ("pkg:oci/trivy?repository_url=https:%2F%2Fberth.example%2Faquasecurity", true),
      ("pkg:oci/trivy?repository_url=ghcr.io%2Faquasecurity%2Ftrivy", false),
      ("pkg:oci/trivy?arch=amd64", true), ("pkg:oci/trivy?arch=arm64", false),
      ("pkg:docker/aquasecurity/trivy@v1", true), ("pkg:docker/aquasecurity/trivy@v2", false),
      ("\(digest) pkg:npm/a@1", true), ("\(digest) pkg:npm/a@2", false), ("\(other) pkg:npm/a@1", false), ("", false),
      ("attached pkg:npm/a", false),
    ])
  func image(text: String, expected: Bool) throws {
    let image = try Self.image()
    let target = try #require(VEXTarget(parsing: text))
    let package = VEXPackage(Component(.npm, name: "a", version: "1"), in: image)
    #expect(target.takes(package, in: image, isAttached: false) == expected)
    if target.product == .attached { #expect(target.takes(package, in: image, isAttached: true)) }
  }

  @Test(
    "A distribution without a CPE has the one that its name and version make",
    arguments: [
      ("rhel", "9.4", "cpe:/o:redhat:enterprise_linux:9", true),
      ("rhel", "8.9", "cpe:/o:redhat:enterprise_linux:9", false),
      ("sles", "15.6", "cpe:/o:suse:sles:15:sp6", true), ("sles", "15.5", "cpe:/o:suse:sles:15:sp6", false),
      ("sles", "15.0", "cpe:/o:suse:sles:15:sp6", false), ("sles", "15.6", "cpe:/o:suse:sles:15", true),
      ("debian", "12", "cpe:/o:debian:debian_linux:12", true), ("debian", "", "cpe:/o:debian:debian_linux", false),
      ("rocky", "9.3", "cpe:/o:redhat:enterprise_linux:9", false), ("nixos", "24", "cpe:/o:nixos:nixos:24", false),
    ])
  func platform(id: String, version: String, text: String, expected: Bool) throws {
    let image = VEXImage(digests: [], repositories: [], distribution: Distribution(id: id, versionID: version))
    let target = try #require(VEXTarget(parsing: text))
    #expect(target.takes(VEXPackage(Self.openssl(), in: image), in: image, isAttached: false) == expected)
  }

  @Test("An image of which nothing is known is not taken to be what a statement names")
  func unknown() throws {
    let image = VEXImage(digests: [], repositories: [])
    let package = VEXPackage(Component(.deb, name: "curl", version: "1"), in: image)
    func takes(_ text: String) throws -> Bool {
      try #require(VEXTarget(parsing: text)).takes(package, in: image, isAttached: false)
    }
    #expect(try takes("pkg:deb/curl"))
    #expect(try !takes("pkg:deb/debian/curl") && !takes("pkg:deb/curl?distro=debian-12"))
    #expect(try !takes("pkg:deb/curl?arch=source") && !takes("cpe:/o:debian:debian_linux:12") && !takes("pkg:oci/x"))
  }
}
