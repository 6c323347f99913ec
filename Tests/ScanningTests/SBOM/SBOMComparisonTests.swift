import Testing

@testable import Scanning

@Suite("Our inventory beside an SBOM of somebody else")
struct SBOMComparisonTests {
  private static func document(_ purls: [String]) throws -> SBOMDocument {
    let components = purls.map { #"{"type":"library","name":"","purl":"\#($0)"}"# }.joined(separator: ",")
    return try SBOMReaderTests.read(#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[\#(components)]}"#)
  }

  @Test("An image compared with its own SBOM has no difference")
  func same() throws {
    let image = try SBOMExamples.debian()
    for bytes in SBOMReaderTests.both(image) {
      let found = SBOMComparison(of: image.packages.map(\.component), with: try SBOMReaderTests.read(bytes))
      #expect(found.isSame && found.notCompared.isEmpty)
      // One package is named by two files.
      #expect(found.sameCount == image.packages.count - 1)
    }
  }

  @Test("What only one of them names, and what both name in other versions, is told, sorted")
  func differences() throws {
    var image = SBOMImage(digest: try SBOMExamples.digest("01"), repository: "x")
    image.packages = [
      try SBOMExamples.package(.deb, "zlib1g", "1:1.2.13"), try SBOMExamples.package(.deb, "bash", "5.2"),
      try SBOMExamples.package(.deb, "apt", "2.6"), try SBOMExamples.package(.npm, "left-pad", "1.0.0"),
      try SBOMExamples.package(.npm, "left-pad", "1.1.0"),
      try SBOMExamples.package(.golang, "github.com/A/b", "v1.0.0"),
      try SBOMExamples.package(.pypi, "zope-interface", "5"),
    ]
    let theirs = try Self.document([
      "pkg:deb/debian/zlib1g@1.2.13?epoch=1&arch=arm64", "pkg:deb/elsewhere/bash@5.3", "pkg:npm/left-pad@1.1.0",
      "pkg:npm/left-pad@1.2.0", "pkg:golang/github.com/a/b@1.0.0", "pkg:pypi/zope.interface@5", "pkg:cargo/serde@1",
      "pkg:swift/x@1", "pkg:npm/noversion", "pkg:npm/abbrev@1.0.0",
    ])
    let found = SBOMComparison(of: image.packages.map(\.component), with: theirs)
    #expect(found.onlyOurs == [.init(type: .deb, name: "apt", version: "2.6")])
    #expect(
      found.onlyTheirs == [
        .init(type: .cargo, name: "serde", version: "1"), .init(type: .npm, name: "abbrev", version: "1.0.0"),
      ])
    #expect(
      found.otherVersions == [
        .init(type: .deb, name: "bash", ours: ["5.2"], theirs: ["5.3"]),
        .init(type: .npm, name: "left-pad", ours: ["1.0.0"], theirs: ["1.2.0"]),
      ])
    #expect(found.sameCount == 4)
    #expect(found.notCompared.compactMap(\.purl?.type) == ["swift", "npm"])
    #expect(!found.isSame)
  }

  @Test("Nothing beside nothing is the same")
  func empty() throws {
    let found = SBOMComparison(of: [], with: try Self.document([]))
    #expect(found.isSame && found.sameCount == 0)
  }
}
