import Foundation
import OCI
import Testing

@testable import Scanning

@Suite("SBOMs as they are read")
struct SBOMReaderTests {
  static func read(_ bytes: [UInt8]) throws -> SBOMDocument {
    try bytes.withUnsafeBytes { try SBOMReader.document($0) }
  }
  static func read(_ text: String) throws -> SBOMDocument { try read(Array(text.utf8)) }

  /// Both formats of an image.
  static func both(_ image: SBOMImage) -> [[UInt8]] {
    [CycloneDXWriter.document(of: image, SBOMExamples.origin), SPDXWriter.document(of: image, SBOMExamples.origin)]
  }

  @Test("What we write we read again: each package with its source, architecture and distribution")
  func roundTrip() throws {
    for image in [try SBOMExamples.debian(), try SBOMExamples.rocky()] {
      for bytes in Self.both(image) {
        let read = try Self.read(bytes)
        #expect(read.name == image.repository)
        #expect(read.subjects == [image.digest])
        #expect(read.created == SBOMExamples.origin.created)
        #expect(!read.tools.isEmpty)
        var expected = image.packages.map(\.component)
        for index in expected.indices {
          expected[index].licenses = []
          // What is no name of an organisation in SPDX is not claimed to be one.
          if read.format == .spdx, expected[index].vendor?.contains("(") ?? true { expected[index].vendor = nil }
          if read.format == .spdx, expected[index].vendor == " " { expected[index].vendor = nil }
        }
        #expect(read.components.compactMap(\.component) == expected)
        for component in read.components where component.component?.type.isOperatingSystem ?? false {
          #expect(component.distribution?.ecosystems == image.distribution?.ecosystems)
        }
      }
    }
  }

  @Test("Names that were made to break documents come back as they were, or as a component without a package URL")
  func hostile() throws {
    let image = try SBOMExamples.hostile()
    for bytes in Self.both(image) {
      let read = try Self.read(bytes)
      #expect(read.components.count == image.packages.count)
    }
  }

  @Test("Of an index all images are subjects, and all their packages components")
  func index() throws {
    let index = try SBOMExamples.index()
    for bytes in [
      CycloneDXWriter.document(of: index, SBOMExamples.origin), SPDXWriter.document(of: index, SBOMExamples.origin),
    ] {
      let read = try Self.read(bytes)
      #expect(Set(read.subjects) == Set(index.images.map(\.digest) + [index.digest]))
      #expect(read.components.count == 12 + 12 + 3)
    }
  }

  @Test("CycloneDX of other tools: an older version, tools as a list, components in components, a source in properties")
  func otherCycloneDX() throws {
    let read = try Self.read(
      """
      {"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"vendor":"x","name":"trivy","version":"0.40"}],
      "component":{"type":"container","name":"app","purl":"pkg:oci/app@sha256:\(String(repeating: "0b", count: 32))"}},
      "components":[
      {"type":"operating-system","name":"debian","version":"12.4"},
      {"type":"library","name":"libc6","version":"2.36-9","purl":"pkg:deb/debian/libc6@2.36-9?arch=amd64",
       "properties":[{"name":"aquasecurity:trivy:SrcName","value":"glibc"},{"name":"aquasecurity:trivy:SrcVersion","value":"2.36"},
       {"name":"aquasecurity:trivy:SrcRelease","value":"9"},{"name":"aquasecurity:trivy:SrcEpoch","value":"1"}]},
      {"type":"application","name":"package-lock.json","components":[
        {"type":"library","group":"@babel","name":"core","version":"7.0.0","purl":"pkg:npm/%40babel/core@7.0.0"},
        {"type":"library","name":"github.com/Masterminds/vcs","purl":"pkg:golang/github.com/masterminds/vcs","version":"v1.1"}]},
      {"type":"file","name":"x"},{"type":"library","name":"odd","version":"1","purl":"pkg:"},{"type":"library"},7,null]}
      """)
    #expect(read.version == "1.4" && read.tools == ["trivy 0.40"] && read.subjects.count == 1)
    #expect(
      read.components.map(\.name) == ["libc6", "@babel/core", "github.com/Masterminds/vcs", "odd"])
    let libc = read.components[0]
    #expect(libc.component?.source == .init(name: "glibc", version: "1:2.36-9"))
    #expect(libc.distribution?.ecosystems == [Ecosystem(parsing: "Debian:12")])
    #expect(read.components[2].component?.name == "github.com/Masterminds/vcs")
    #expect(read.components[2].component?.version == "v1.1")
    #expect(read.components[3].purl == nil && read.components[3].component == nil)
  }

  @Test("SPDX of other tools: version 2.2, a document that describes by a list, a source in words")
  func otherSPDX() throws {
    let read = try Self.read(
      """
      {"spdxVersion":"SPDX-2.2","SPDXID":"SPDXRef-DOCUMENT","name":"debian","documentDescribes":["SPDXRef-root"],
      "creationInfo":{"created":"2023-01-01T00:00:00Z","creators":["Tool: syft-0.90","Organization: x"]},
      "packages":[{"SPDXID":"SPDXRef-root","name":"debian","versionInfo":"sha256:\(String(repeating: "0c", count: 32))"},
      {"SPDXID":"SPDXRef-os","name":"debian","versionInfo":"12.4","primaryPackagePurpose":"OPERATING-SYSTEM"},
      {"SPDXID":"SPDXRef-1","name":"libcurl4","versionInfo":"7.88.1-10","sourceInfo":"built package from: curl 7.88.1-10",
       "externalRefs":[{"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a"},
       {"referenceCategory":"PACKAGE_MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/libcurl4@7.88.1-10"}]},
      {"SPDXID":"SPDXRef-2","name":"mystery","versionInfo":"1"},{"SPDXID":"SPDXRef-3","name":"Gemfile.lock"},
      {"SPDXID":"SPDXRef-4","name":"openssl-libs","versionInfo":"3.0.7-25","sourceInfo":"built package from: openssl 1:3.0.7-25",
       "externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:rpm/redhat/openssl-libs@3.0.7-25?distro=redhat-9.3&epoch=1"}]},
      {"SPDXID":"SPDXRef-5","name":"tar","versionInfo":"1.34","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/tar@1.34?distro=debian"}]}]}
      """)
    #expect(read.subjects.count == 1 && read.tools == ["syft-0.90"])
    #expect(read.components.map(\.name) == ["libcurl4", "mystery", "openssl-libs", "tar"])
    #expect(read.components[2].component?.version == "1:3.0.7-25")
    #expect(read.components[2].component?.source == .init(name: "openssl", version: "3.0.7-25"))
    #expect(read.components[3].distribution?.ecosystems == [Ecosystem(parsing: "Debian:12")])
    #expect(read.components[0].component?.source == .init(name: "curl", version: "7.88.1-10"))
    #expect(read.components[0].distribution?.ecosystems == [Ecosystem(parsing: "Debian:12")])
  }

  // MARK: Attestations

  private static func statement(_ predicate: String, type: String) -> String {
    """
    {"_type":"https://in-toto.io/Statement/v0.1","predicateType":"\(type)","subject":[{"name":"app",
    "digest":{"sha256":"\(String(repeating: "0d", count: 32))","gitCommit":"ab"}},{"name":"x"}],"predicate":\(predicate)}
    """
  }

  private static func envelope(_ statement: String, type: String = "application/vnd.in-toto+json") -> String {
    #"{"payloadType":"\#(type)","payload":"\#(Data(statement.utf8).base64EncodedString())","signatures":[{"sig":"AA=="}]}"#
  }

  @Test("An SBOM is read out of a statement, an envelope, a bundle, and a predicate that is text")
  func attested() throws {
    let image = try SBOMExamples.debian()
    for (bytes, type) in zip(Self.both(image), ["https://cyclonedx.org/bom/v1.6", "https://spdx.dev/Document"]) {
      let bare = String(decoding: bytes, as: UTF8.self)
      let statement = Self.statement(bare, type: type)
      let text = JSONValue.string(bare).text
      let wrapped = [
        (statement, false), (Self.envelope(statement), true),
        (
          #"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":\#(Self.envelope(statement))}"#,
          true
        ),
        (Self.envelope(Self.statement(#"{"Data":\#(text),"Timestamp":"x"}"#, type: type)), true),
        (Self.statement(#"{"Data":\#(bare)}"#, type: type), false),
      ]
      for (document, isSigned) in wrapped {
        let read = try Self.read(document)
        #expect(read.components.count == 12)
        #expect(read.isSigned == isSigned)
        #expect(read.subjects == [image.digest, try SBOMExamples.digest("0d")])
      }
    }
  }

  @Test(
    "What holds no SBOM is refused with a reason",
    arguments: [
      "", "[]", "{}", "null", "7", #"{"bomFormat":"CycloneDX"}"#, #"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#,
      #"{"spdxVersion":"SPDX-3.0"}"#, envelope("{}", type: "text/plain"), envelope("{"), envelope("{}"),
      #"{"payloadType":"application/vnd.in-toto+json","payload":"a"}"#,
      #"{"payloadType":"application/vnd.in-toto+json","payload":"AA=A"}"#,
      statement("{}", type: "https://slsa.dev/provenance/v1"), statement(#"{"Data":"{"}"#, type: "x"),
      envelope(envelope(envelope(envelope(envelope(#"{"spdxVersion":"SPDX-2.3"}"#))))),
      String(repeating: "[", count: 100_000),
    ])
  func refused(text: String) {
    #expect(throws: ParseError.self) { try Self.read(text) }
  }

  @Test("Base64 in either alphabet, with or without padding", arguments: 0..<70)
  func base64(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ 251) }
    let text = Data(bytes).base64EncodedString()
    #expect(Base64.decoded(text) == bytes)
    #expect(Base64.decoded(text.replacing("=", with: "")) == bytes)
    #expect(Base64.decoded(text.replacing("+", with: "-").replacing("/", with: "_")) == bytes)
    #expect(Base64.decoded(text + "====") == nil)
    #expect(Base64.decoded("\n" + text) == nil)
  }

  @Test("Whatever is cut off or changed, reading ends")
  func damaged() throws {
    var random = DamagedDatabaseTests.Seeded(state: 11)
    var image = try SBOMExamples.debian()
    image.packages = Array(image.packages.prefix(3))
    for bytes in Self.both(image) {
      for end in 0..<bytes.count { #expect(throws: ParseError.self) { try Self.read(Array(bytes[..<end])) } }
      for _ in 0..<500 {
        var changed = bytes
        for _ in 0..<3 {
          let place = Int.random(in: changed.indices, using: &random)
          changed[place] = Array("{}[]\",:1e null%@/".utf8).randomElement(using: &random) ?? 0
        }
        _ = try? Self.read(changed)
      }
    }
  }
}
