import OCI
import Testing

@testable import berth

@Suite struct `Addresses of artifacts` {
  @Test func `have a registry, a repository and a tag or digest`() throws {
    let address = try ArtifactAddress(parsing: "oci://registry.example.org:5000/security/advisories:latest")
    #expect(address.registry == "registry.example.org:5000")
    #expect(address.url == "https://registry.example.org:5000")
    #expect(address.description == "registry.example.org:5000/security/advisories:latest")
    #expect(try ArtifactAddress(parsing: "127.0.0.1:5000/a/b:1").url == "http://127.0.0.1:5000")
    #expect(try ArtifactAddress(parsing: "oci+http://inside.example/a/b:1").url == "http://inside.example")
    #expect(try ArtifactAddress(parsing: "docker.io/team/feeds:1").url == "https://registry-1.docker.io")
    #expect(try ArtifactAddress(parsing: "docker.io/team/feeds:1").credentialName == "https://index.docker.io/v1/")
    for text in ["", "oci://", "feeds:1", "oci:///a:1", "oci://host/a", "oci://user@host/a:1", "oci://host/A:1"] {
      #expect(throws: ParseError.self, "\(text)") { try ArtifactAddress(parsing: text) }
    }
  }

  @Test func `of feeds are bundles, which somebody has to have signed`() throws {
    let feed = try FeedURL(parsing: "inside=bundle:oci://registry.example.org/security/advisories:latest")
    #expect(feed.text == "inside=bundle:oci://registry.example.org/security/advisories:latest")
    #expect(try FeedURL(parsing: "inside=bundle:/media/advisories.tar").address == "/media/advisories.tar")
    for text in ["a=osv:oci://registry.example.org/a:1", "a=bundle:oci://registry.example.org/a", "a=bundle:feeds.tar"]
    {
      #expect(throws: ValueProblem.self, "\(text)") { try FeedURL(parsing: text) }
    }
    var settings = Settings()
    settings.inspection.feeds = [feed]
    #expect(SettingRule.standard.flatMap { $0.violations(settings) }.map(\.path) == ["inspection.feeds"])
    settings.inspection.bundleKeys = ["/etc/berth/advisories.pub.pem"]
    #expect(SettingRule.standard.allSatisfy { $0.violations(settings).isEmpty })
  }

  @Test func `challenges of registries are read with and without quotes`() {
    let bearer = #"Bearer realm="https://auth.example/token?a=b,c",service=registry.example, scope="repository:a:pull""#
    #expect(
      RegistryClient.parameters(bearer, scheme: "bearer")
        == [
          "realm": "https://auth.example/token?a=b,c", "service": "registry.example", "scope": "repository:a:pull",
        ])
    #expect(RegistryClient.parameters(bearer, scheme: "basic") == nil)
    #expect(RegistryClient.parameters("Basic", scheme: "basic") == [:])
    #expect(RegistryClient.parameters(#"Bearer realm="unended"#, scheme: "bearer") == [:])
  }
}
