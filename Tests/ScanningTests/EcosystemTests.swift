import Scanning
import Testing

@Suite("Ecosystems")
struct EcosystemTests {
  @Test(
    "An ecosystem is read with its release, which may hold colons",
    arguments: [
      ("PyPI", "PyPI", nil), ("Debian:12", "Debian", "12"), ("Alpine:v3.18", "Alpine", "v3.18"),
      ("Red Hat:enterprise_linux:9::appstream", "Red Hat", "enterprise_linux:9::appstream"), ("", "", nil),
    ] as [(String, String, String?)])
  func parts(text: String, name: String, release: String?) {
    let ecosystem = Ecosystem(parsing: text)
    #expect(ecosystem.name == name)
    #expect(ecosystem.release == release)
    #expect(ecosystem.description == text)
  }
}
