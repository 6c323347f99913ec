import OCI
import Testing

@testable import Scanning

@Suite("SBOMs as they are written")
struct SBOMWriterTests {
  @Test("The official validators of CycloneDX 1.6 and SPDX 2.3 have nothing to say against any of them")
  func official() throws {
    let images: [(String, SBOMImage)] = [
      ("debian", try SBOMExamples.debian()), ("rocky", try SBOMExamples.rocky()),
      ("hostile", try SBOMExamples.hostile()), ("licensed", try SBOMExamples.licensed()),
      ("empty", SBOMImage(digest: try SBOMExamples.digest("09"), repository: "empty")),
    ]
    var documents: [String: [UInt8]] = [:]
    for (name, image) in images {
      documents["\(name).cdx.json"] = CycloneDXWriter.document(of: image, SBOMExamples.origin)
      documents["\(name).spdx.json"] = SPDXWriter.document(of: image, SBOMExamples.origin)
    }
    documents["index.cdx.json"] = CycloneDXWriter.document(of: try SBOMExamples.index(), SBOMExamples.origin)
    documents["index.spdx.json"] = SPDXWriter.document(of: try SBOMExamples.index(), SBOMExamples.origin)
    let said = try OfficialValidator.complaints(documents)
    #expect(said.isEmpty, "\(said)")
  }

  @Test("The validators complain of what is wrong, so their silence says something")
  func validatorsWork() throws {
    let said = try OfficialValidator.complaints([
      "bad.cdx.json": Array(
        #"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"x","purl":"no"}]}"#.utf8),
      "bad.spdx.json": Array(#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"x"}"#.utf8),
    ])
    #expect(said.contains("CycloneDX: ") && said.contains("SPDX: ") && said.contains("package URL: no"))
  }

  @Test("The same image and origin give the same bytes, another origin or image another identity")
  func deterministic() throws {
    let image = try SBOMExamples.debian()
    let later = SBOMOrigin(toolVersion: "0.7.0", created: "2026-02-01T12:00:00Z")
    for write in [CycloneDXWriter.document(of:_:), SPDXWriter.document(of:_:)] as [(SBOMImage, SBOMOrigin) -> [UInt8]] {
      #expect(write(image, SBOMExamples.origin) == write(image, SBOMExamples.origin))
      #expect(write(image, SBOMExamples.origin) != write(image, later))
    }
    var identities: Set<String> = []
    for digest in [try SBOMExamples.digest("01"), try SBOMExamples.digest("02")] {
      for format in ["CycloneDX", "SPDX"] {
        identities.insert(SBOMExamples.origin.uuid(of: digest, format: format))
        identities.insert(later.uuid(of: digest, format: format))
      }
    }
    #expect(identities.count == 8)
  }

  @Test("A package says where it was found, in which layer, and whose file that is")
  func places() throws {
    let bom = try JSONValue.parse(
      String(decoding: CycloneDXWriter.document(of: try SBOMExamples.debian(), SBOMExamples.origin), as: UTF8.self))
    let requests = (bom["components"]?.array ?? []).filter { $0["name"]?.string == "requests" }
    #expect(
      requests.compactMap { $0["bom-ref"]?.string } == ["pkg:pypi/requests@2.31.0", "pkg:pypi/requests@2.31.0#2"])
    let layer = try SBOMExamples.digest("aa").description
    let values = requests.first?["properties"]?.array?.compactMap { $0["value"]?.string }
    #expect(values == ["usr/lib/x", layer, "python3-requests"])
    let spdx = try JSONValue.parse(
      String(decoding: SPDXWriter.document(of: try SBOMExamples.debian(), SBOMExamples.origin), as: UTF8.self))
    let package = spdx["packages"]?.array?.first { $0["name"]?.string == "requests" }
    #expect(
      package?["sourceInfo"]?.string
        == "named by usr/lib/x of layer \(layer), a file of the package python3-requests")
  }

  @Test("Of an index each image is described once, with its packages; what is not whole says so")
  func index() throws {
    let bom = try JSONValue.parse(
      String(decoding: CycloneDXWriter.document(of: try SBOMExamples.index(), SBOMExamples.origin), as: UTF8.self))
    let images = bom["components"]?.array ?? []
    #expect(images.map { $0["components"]?.array?.count ?? 0 } == [13, 13, 4])
    #expect(bom["compositions"]?.array?.first?["assemblies"] == [.string(try SBOMExamples.digest("02").description)])
    let spdx = try JSONValue.parse(
      String(decoding: SPDXWriter.document(of: try SBOMExamples.index(), SBOMExamples.origin), as: UTF8.self))
    #expect(spdx["packages"]?.array?.count == 34)
    #expect(spdx["relationships"]?.array?.count == 34)
  }

  @Test(
    "Licences are an expression only where every word of them is known",
    arguments: [
      ("mit", "MIT"), ("MIT OR Apache-2.0", "MIT OR Apache-2.0"), ("(MIT)", "(MIT)"),
      ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
      ("Apache 2.0", nil), ("MIT AND", nil), ("(MIT", nil), ("MIT)", nil), ("MIT MIT", nil), ("OR", nil), ("", nil),
      ("MIT WITH MIT", nil), ("(MIT) WITH LLVM-exception", nil), ("MIT or Zlib", nil),
    ] as [(String, String?)])
  func licenses(text: String, expected: String?) {
    #expect(SPDXLicenses.expression([text]) == expected)
  }
}
