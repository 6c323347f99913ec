import Foundation
import OCI
import Testing

@testable import Scanning

@Suite("What people and vendors say of flaws")
struct VEXReaderTests {
  @Test("Each statement of the real documents of OpenVEX is read, with every package in every product")
  func openVEX() throws {
    let files = try VEXFiles.all().filter { $0.key.hasPrefix("openvex") && !$0.key.hasSuffix("manifest.json") }
    #expect(files.count == 45)
    var count = 0
    for (name, bytes) in files {
      let read = try VEXFiles.read(bytes)
      #expect(read.format == .openVEX && read.unnamedProductCount == 0, "\(name)")
      count += read.statements.count
      for statement in read.statements {
        #expect(!statement.vulnerability.isEmpty && !statement.stated.isEmpty && !statement.author.isEmpty, "\(name)")
        #expect(statement.endsFindings && !statement.justification.isEmpty && !statement.targets.isEmpty, "\(name)")
      }
    }
    #expect(count == 6125)
  }

  @Test("What Trivy says of busybox in its images")
  func trivy() throws {
    let bytes = try #require(try VEXFiles.all()["openvex-pkg_oci_ghcr.io_aquasecurity_trivy_oci.openvex.json"])
    let statement = try #require(try VEXFiles.read(bytes).statements.first)
    #expect(statement.vulnerability == "CVE-2023-42363" && statement.status == .notAffected)
    #expect(statement.justification == "vulnerable_code_cannot_be_controlled_by_adversary")
    #expect(statement.detail == "awk is not used" && statement.author == "Aqua Security")
    #expect(statement.stated == "2024-07-10T12:17:44.60495+04:00")
    #expect(statement.targets.count == 9)
    #expect(
      statement.targets.last?.description
        == "pkg:oci/trivy?repository_url=ghcr.io%2Faquasecurity%2Ftrivy pkg:apk/alpine/ssl_client")
  }

  @Test(
    "Of Red Hat's documents each product that is listed is read",
    arguments: [
      // Name, products that are not affected, fixed, affected.
      ("redhat-csaf-cve-2023-38545.json", 247, 325, 0), ("redhat-csaf-cve-2024-0727-openssl.json", 23, 88, 24),
      ("redhat-csaf-cve-2026-2673.json", 0, 0, 49), ("redhat-csaf-cve-2023-4154.json", 165, 0, 0),
      ("redhat-csaf-cve-2025-40907-perl.json", 0, 278, 0), ("redhat-csaf-cve-2026-27142-go.json", 0, 2, 2),
      ("redhat-csaf-delete_CVE-2023-0030.json", 0, 0, 0), ("redhat-csaf-cve-2024-24786-illegal-module.json", 0, 0, 1),
    ])
  func redHat(name: String, notAffected: Int, fixed: Int, affected: Int) throws {
    let read = try VEXFiles.read(try #require(try VEXFiles.all()[name]))
    #expect(read.format == .csaf)
    func count(_ status: VEXStatement.Status) -> Int {
      read.statements.filter { $0.status == status }.reduce(0) { $0 + $1.targets.count }
    }
    let unnamed = read.unnamedProductCount
    let total = count(.notAffected) + count(.fixed) + count(.affected)
    #expect(total + unnamed == notAffected + fixed + affected)
    #expect(unnamed * 20 <= total, "\(unnamed) of \(total)")
    for statement in read.statements where statement.status == .notAffected {
      #expect(statement.justification == "vulnerable_code_not_present")
    }
  }

  @Test("All of CSAF: names in a list, flags for groups, reasons for people, dates, products in products")
  func csaf() throws {
    let read = try VEXFiles.read(
      """
      {"document":{"category":"csaf_vex","csaf_version":"2.0","publisher":{"name":"Maker"},
      "tracking":{"id":"M-1","current_release_date":"2025-02-03T04:05:06Z"}},
      "product_tree":{"full_product_names":[{"product_id":"A","name":"a","product_identification_helper":{"purl":"pkg:npm/a@1"}},
      {"product_id":"X","name":"no name for it"}],
      "branches":[{"branches":[{"product":{"product_id":"OS","product_identification_helper":{"cpe":"cpe:/o:suse:sles:15:sp6"}}},
      {"product":{"product_id":"P","product_identification_helper":{"purl":"pkg:rpm/suse/p@1-1?arch=src"}}},
      {"product":{"product_id":"I","product_identification_helper":{"purl":"pkg:oci/i@sha256:\(String(repeating: "0e", count: 32))"}}}]}],
      "relationships":[{"category":"default_component_of","product_reference":"P","relates_to_product_reference":"OS",
      "full_product_name":{"product_id":"OS:P"}},
      {"category":"default_component_of","product_reference":"OS:P","relates_to_product_reference":"OS:P","full_product_name":{"product_id":"OS:P:P"}},
      {"product_reference":"I","relates_to_product_reference":"OS","full_product_name":{"product_id":"OS:I"}},
      {"product_reference":"L","relates_to_product_reference":"L","full_product_name":{"product_id":"L"}}],
      "product_groups":[{"group_id":"G","product_ids":["OS:P","I"]}]},
      "vulnerabilities":[{"cve":"CVE-1","ids":[{"text":"GHSA-x"},{"text":"12-3"},{"text":"CVE-1"}],
      "product_status":{"known_not_affected":["A","OS:P","OS:P:P","X","L","missing"],"first_fixed":["OS:I"],"under_investigation":["I"],"recommended":["A"]},
      "flags":[{"label":"component_not_present","group_ids":["G"],"date":"2025-01-01T00:00:00Z"},
      {"label":"vulnerable_code_not_in_execute_path","product_ids":["A"]},{"label":"vulnerable_code_not_present"}],
      "threats":[{"category":"impact","details":"It is never called.","product_ids":["A"]},{"category":"impact","details":"Important"}]},
      {"notes":[]}]}
      """)
    #expect(read.id == "M-1" && read.author == "Maker" && read.unnamedProductCount == 3)
    let lines = read.statements.map { statement in
      "\(statement.names.joined(separator: ",")) \(statement.status.rawValue) \(statement.justification) \(statement.detail) "
        + "\(statement.stated.prefix(10)) \(statement.targets.map(\.description).joined(separator: ", "))"
    }
    #expect(
      lines == [
        "CVE-1,GHSA-x not_affected vulnerable_code_not_in_execute_path It is never called. 2025-02-03 pkg:npm/a@1",
        "CVE-1,GHSA-x not_affected component_not_present  2025-01-01 cpe:/o:suse:sles:15:sp6 pkg:rpm/suse/p@1-1?arch=src",
        "CVE-1,GHSA-x not_affected vulnerable_code_not_present  2025-02-03 cpe:/o:suse:sles:15:sp6 pkg:rpm/suse/p@1-1?arch=src",
        "CVE-1,GHSA-x fixed   2025-02-03 sha256:\(String(repeating: "0e", count: 32))",
        "CVE-1,GHSA-x under_investigation   2025-02-03 sha256:\(String(repeating: "0e", count: 32))",
      ])
  }

  @Test("OpenVEX as it was before 0.2: flaws and products are texts")
  func oldOpenVEX() throws {
    let read = try VEXFiles.read(
      """
      {"@context":"https://openvex.dev/ns","@id":"x","author":"A","timestamp":"2023-01-08T18:02:03-06:00","statements":[
      {"vulnerability":"CVE-2023-1","products":["pkg:oci/git@sha256:\(String(repeating: "0f", count: 32))","nothing"],
      "subcomponents":["pkg:apk/wolfi/git@2.39.0-r1"],"status":"affected","action_statement":"Update it."},
      {"vulnerability":{"@id":"https://nvd.example/CVE-2023-2"},"status":"fixed","last_updated":"2024-01-01T00:00:00Z",
       "products":[{"@id":"https://example/x","hashes":{"sha-256":"\(String(repeating: "AF", count: 32))"},
       "identifiers":{"purl":"pkg:oci/x?repository_url=a/x"}}]},
      {"vulnerability":{"name":"CVE-2023-3","aliases":["GHSA-1","CVE-2023-3",7]},"status":"under_investigation"},
      {"vulnerability":{},"status":"fixed"},{"vulnerability":"CVE-2023-4","status":"unheard_of"},7]}
      """)
    #expect(read.unnamedProductCount == 1 && read.statements.count == 3)
    let said = read.statements.map { "\($0.status.rawValue) \($0.detail) \($0.targets.map(\.description))" }
    #expect(
      said == [
        "affected Update it. [\"sha256:\(String(repeating: "0f", count: 32)) pkg:apk/wolfi/git@2.39.0-r1\"]",
        "fixed  [\"sha256:\(String(repeating: "af", count: 32))\"]", "under_investigation  [\"\"]",
      ])
    #expect(read.statements.map(\.vulnerability) == ["CVE-2023-1", "CVE-2023-2", "CVE-2023-3"])
    #expect(read.statements[1].stated == "2024-01-01T00:00:00Z" && read.statements[2].aliases == ["GHSA-1"])
  }

  @Test("An attested document without products is about the subjects of its attestation")
  func attested() throws {
    let statement = """
      {"_type":"https://in-toto.io/Statement/v1","predicateType":"https://openvex.dev/ns/v0.2.0",
      "subject":[{"digest":{"sha256":"\(String(repeating: "0a", count: 32))"}}],
      "predicate":{"author":"A","statements":[{"vulnerability":{"name":"CVE-1"},"status":"fixed"}]}}
      """
    let payload = Data(statement.utf8).base64EncodedString()
    let read = try VEXFiles.read(
      #"{"payloadType":"application/vnd.in-toto+json","payload":"\#(payload)","signatures":[{"sig":"AA=="}]}"#)
    #expect(read.isSigned)
    #expect(read.statements.first?.targets.map(\.description) == ["sha256:\(String(repeating: "0a", count: 32))"])
  }

  @Test(
    "What is no VEX, or is too much, is refused with a reason",
    arguments: [
      "", "{}", "[]", #"{"@context":"https://openvex.dev/ns"}"#, #"{"statements":[]}"#,
      #"{"@context":"https://cyclonedx.org","statements":[]}"#,
      // A few thousand texts that would make millions of targets.
      #"{"@context":"https://openvex.dev/ns","statements":[{"vulnerability":"C","status":"fixed","products":["#
        + repeatElement(#""pkg:npm/a""#, count: 600).joined(separator: ",") + #"],"subcomponents":["#
        + repeatElement(#""pkg:npm/b""#, count: 600).joined(separator: ",") + "]}]}",
      #"{"document":{},"product_tree":{"product_groups":[{"group_id":"G","product_ids":["#
        + repeatElement(#""p""#, count: 1000).joined(separator: ",") + #"]}]},"vulnerabilities":[{"cve":"C","flags":["#
        + repeatElement(#"{"label":"x","group_ids":["G"]}"#, count: 400).joined(separator: ",") + "]}]}",
    ])
  func refused(text: String) {
    #expect(throws: ParseError.self) { try VEXFiles.read(text) }
  }

  @Test("Whatever is cut off or changed, reading ends")
  func damaged() throws {
    let files = try VEXFiles.all()
    var random = DamagedDatabaseTests.Seeded(state: 13)
    for name in [
      "redhat-csaf-cve-2026-27142-go.json",
      "openvex-pkg_golang_github.com_inspektor-gadget_inspektor-gadget_golang.vex.json",
    ] {
      let bytes = try #require(files[name])
      let end = try #require(bytes.lastIndex(of: UInt8(ascii: "}")))
      for cut in 0..<end { #expect(throws: ParseError.self) { try VEXFiles.read(Array(bytes[..<cut])) } }
      for _ in 0..<500 {
        var changed = bytes
        for _ in 0..<3 {
          let place = Int.random(in: changed.indices, using: &random)
          changed[place] = Array("{}[]\",:1e null%@/".utf8).randomElement(using: &random) ?? 0
        }
        _ = try? VEXFiles.read(changed)
      }
    }
  }
}
