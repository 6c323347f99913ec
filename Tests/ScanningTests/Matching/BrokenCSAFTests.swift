import OCI
import Testing

@testable import Scanning

@Suite struct `Broken documents of CSAF` {
  private static let one = CSAFFiles.document(
    id: "CVE-2026-1", [("A", "cpe:/o:redhat:enterprise_linux:9::baseos")],
    [("p", "pkg:rpm/redhat/p@2-1.el9?arch=x86_64")],
    vulnerabilities: #"{"cve":"CVE-2026-1","product_status":{"fixed":["A:p"]}}"#)

  @Test(arguments: [
    "", "[]", "{}", "7", #"{"document":7}"#, #"{"document":{}}"#, #"{"document":{"tracking":{"id":""}}}"#,
    #"{"document":{},"vulnerabilities":[{"cve":"CVE-1"},{"cve":"CVE-2"}]}"#, #"{"id":"A"}"#,
    // A group of three thousand, named three thousand times.
    #"{"document":{"tracking":{"id":"X"}},"product_tree":{"product_groups":[{"group_id":"G","product_ids":["#
      + repeatElement(#""p""#, count: 3000).joined(separator: ",")
      + #"]}]},"vulnerabilities":[{"cve":"C","remediations":[{"category":"no_fix_planned","group_ids":["#
      + repeatElement(#""G""#, count: 3000).joined(separator: ",") + "]}]}]}",
    // Branches without end.
    #"{"document":{"tracking":{"id":"X"}},"product_tree":"#
      + String(repeating: #"{"branches":["#, count: 100_000),
    String(repeating: "[", count: 100_000),
  ])
  func `are refused with a reason`(text: String) {
    #expect(throws: ParseError.self) { try CSAFFiles.read(text) }
  }

  @Test func `say what they can where names are missing, lead nowhere, or in circles`() throws {
    let found = try CSAFFiles.read(
      """
      {"document":{"tracking":{"id":"X-1"},"publisher":{"namespace":"https://www.redhat.com"}},"product_tree":{"branches":[
      {"product":{"product_id":"A","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9::baseos"}}},
      {"product":{"product_id":"p","product_identification_helper":{"purl":"pkg:rpm/redhat/p@2-1.el9"}}},
      {"product":{"product_id":"spaces","product_identification_helper":{"purl":"pkg:rpm/redhat/p@2%20-1"}}},
      {"product":{"name":"no id"}},{"product":{"product_id":"bad","product_identification_helper":{"purl":"nothing"}}},7],
      "relationships":[
      {"full_product_name":{"product_id":"one"},"product_reference":"two","relates_to_product_reference":"two"},
      {"full_product_name":{"product_id":"two"},"product_reference":"one","relates_to_product_reference":"one"},
      {"full_product_name":{"product_id":"self"},"product_reference":"self","relates_to_product_reference":"self"},
      {"full_product_name":{"product_id":"lost"},"product_reference":"p","relates_to_product_reference":"nowhere"},
      {"full_product_name":{"product_id":"A:spaces"},"product_reference":"spaces","relates_to_product_reference":"A"},
      {"full_product_name":{"product_id":"A:bad"},"product_reference":"bad","relates_to_product_reference":"A"},
      {"full_product_name":{"product_id":"A:p"},"product_reference":"p","relates_to_product_reference":"A"},
      {"full_product_name":{},"product_reference":"p"},7]},
      "vulnerabilities":[{"product_status":{"fixed":["one","two","self","lost","A:bad","A:spaces","missing",7,"p","A","A:p"]}},
      {"cve":"CVE-2026-1","product_status":7,"threats":7,"remediations":[7,{"category":"none_available","group_ids":["G"]}]},7]}
      """)
    #expect(found.map(\.id) == ["REDHAT-X-1", "X-1-CVE-2026-1", "X-1-3"])
    #expect(found.map { $0.affected.map(\.name) } == [["p"], [], []])
  }

  @Test func `with letters of another encoding are read all the same`() throws {
    var bytes = Array(Self.one.replacing("\"T\"", with: "\"T?\"").utf8)
    let place = try #require(bytes.firstIndex(of: UInt8(ascii: "?")))
    bytes[place] = 0xE9
    #expect(try bytes.withUnsafeBytes { try CSAFReader.advisories($0) }.first?.summary == "T\u{FFFD}")
  }

  @Test func `whatever is cut off or changed, reading ends`() throws {
    let bytes = Array(Self.one.utf8)
    for cut in 0..<bytes.count - 1 {
      #expect(throws: ParseError.self) { try Array(bytes[..<cut]).withUnsafeBytes { try CSAFReader.advisories($0) } }
    }
    var random = DamagedDatabaseTests.Seeded(state: 17)
    for _ in 0..<2000 {
      var changed = bytes
      for _ in 0..<3 {
        let place = Int.random(in: changed.indices, using: &random)
        changed[place] = Array("{}[]\",:1e null%@/".utf8).randomElement(using: &random) ?? 0
      }
      _ = changed.withUnsafeBytes { try? CSAFReader.advisories($0) }
    }
  }

  @Test func `with a product and a version for every mention do not become a table of both`() throws {
    let products = (0..<200).map { ("A\($0)", "cpe:/o:redhat:enterprise_linux:9::r\($0)") }
    let packages = (0..<200).map { ("p\($0)", "pkg:rpm/redhat/p@\($0)-1.el9") }
    let fixed = (0..<200).map { "\"A\($0):p\($0)\"" }.joined(separator: ",")
    let found = try CSAFFiles.read(
      CSAFFiles.document(
        id: "CVE-1", products, packages, vulnerabilities: #"{"cve":"CVE-1","product_status":{"fixed":[\#(fixed)]}}"#))
    #expect(found.first?.affected.count == 200)
    #expect(found.first?.affected.allSatisfy { $0.ranges.count == 1 } == true)
  }

  @Test func `of a hundred thousand packages are read as those of one are`() throws {
    let count = 100_000
    let found = try CSAFFiles.read(
      CSAFFiles.document(
        id: "CVE-2026-1", [("A", "cpe:/o:redhat:enterprise_linux:9::baseos")],
        (0..<count).map { ("p\($0)", "pkg:rpm/redhat/p\($0)@2-1.el9?arch=x86_64") },
        vulnerabilities: """
          {"cve":"CVE-2026-1","product_status":{"fixed":[\((0..<count).map { "\"A:p\($0)\"" }.joined(separator: ","))]}}
          """))
    #expect(found.first?.affected.count == count)
  }
}
