import OCI

@testable import Scanning

/// Images to write SBOMs of.
enum SBOMExamples {
  static let origin = SBOMOrigin(toolVersion: "0.7.0", created: "2026-01-31T12:00:00Z")

  static func digest(_ byte: String) throws -> Digest {
    try Digest(parsing: "sha256:" + String(repeating: byte, count: 32))
  }

  static func package(
    _ type: PackageType, _ name: String, _ version: String, source: (String, String)? = nil,
    licenses: [String] = [], path: String = "usr/lib/x", ownedBy: String? = nil
  ) throws -> SBOMPackage {
    var component = Component(type, name: name, version: version)
    component.source = source.map { .init(name: $0.0, version: $0.1) }
    component.architecture = type == .deb ? "amd64" : nil
    component.licenses = licenses
    return SBOMPackage(component, path: path, layer: try digest("aa"), ownedBy: ownedBy)
  }

  /// Packages of each type, one of them named by two files.
  static func debian(_ byte: String = "01") throws -> SBOMImage {
    var image = SBOMImage(digest: try digest(byte), repository: "registry.example/team/app")
    image.architecture = "amd64"
    image.tag = "v1.0"
    image.distribution = Distribution(id: "debian", versionID: "12")
    image.distribution?.prettyName = "Debian GNU/Linux 12 (bookworm)"
    image.packages = [
      try package(
        .deb, "libcurl4", "7.88.1-10+deb12u5", source: ("curl", "7.88.1-10+deb12u5"), path: "var/lib/dpkg/status"),
      try package(.deb, "bsdutils", "1:2.38.1-5+b1", source: ("util-linux", "2.38.1-5"), path: "var/lib/dpkg/status"),
      try package(.pypi, "requests", "2.31.0", licenses: ["Apache 2.0"], ownedBy: "python3-requests"),
      try package(.pypi, "requests", "2.31.0", licenses: ["Apache-2.0"], path: "opt/app/x"),
      try package(.npm, "@babel/core", "7.0.0", licenses: ["MIT"]),
      try package(.gem, "rack", "2.2.3", licenses: ["MIT", "Ruby"]),
      try package(.maven, "org.apache.logging.log4j:log4j-core", "2.14.1", licenses: ["MIT OR Apache-2.0"]),
      try package(.golang, "github.com/BurntSushi/toml", "v1.2.0"), try package(.golang, "stdlib", "1.21.0"),
      try package(.cargo, "serde", "1.0.0", licenses: ["(MIT OR Apache-2.0) AND Unicode-DFS-2016"]),
      try package(.composer, "monolog/monolog", "2.1.0"), try package(.nuget, "Newtonsoft.Json", "12.0.1"),
    ]
    return image
  }

  /// Packages of rpm, some from elsewhere, and a gap.
  static func rocky() throws -> SBOMImage {
    var image = SBOMImage(digest: try digest("02"), repository: "team/app")
    image.distribution = Distribution(id: "rocky", versionID: "9.3")
    for (name, vendor) in [
      ("bash", "Rocky Enterprise Software Foundation"), ("tool", "Somebody (elsewhere)"), ("odd", " "),
    ] {
      var package = try package(.rpm, name, "1:5.1.8-6.el9", source: (name, "5.1.8-6.el9"), licenses: ["GPLv3+"])
      package.component.vendor = vendor
      package.component.architecture = "x86_64"
      package.component.module = "x:1:2:3"
      image.packages.append(package)
    }
    image.gap = "a layer removed the package database: var/lib/rpm/rpmdb.sqlite"
    return image
  }

  /// Names and texts that a stranger chose to break documents.
  static func hostile() throws -> SBOMImage {
    var image = SBOMImage(digest: try digest("03"), repository: "team/app")
    image.distribution = Distribution(id: "we\u{7}ird\"\\", versionID: "1/../2 ü")
    let texts = ["\u{0}\u{1f}\"", "../../etc/passwd", "a@b?c#d/e", "%2e%2e", "名前", "</script>", "a\u{301}", "x y", "@"]
    for text in texts {
      for type in [PackageType.deb, .rpm, .npm, .maven, .golang, .pypi] {
        var package = try package(
          type, text, text, source: (text, text), licenses: [text, "", "MIT"], path: text, ownedBy: text)
        package.component.vendor = text
        image.packages.append(package)
      }
    }
    return image
  }

  /// Every licence that we know, and one after the other alone.
  static func licensed() throws -> SBOMImage {
    var image = SBOMImage(digest: try digest("04"), repository: "team/licensed")
    image.packages = try SPDXLicenses.all.enumerated().map { number, license in
      try package(.npm, "p\(number)", "1.0.0", licenses: [license])
    }
    image.packages.append(
      try package(.npm, "pair", "1", licenses: ["GPL-2.0-only WITH Classpath-exception-2.0 AND (mit OR isc)", "Zlib"]))
    return image
  }

  static func index() throws -> SBOMIndex {
    SBOMIndex(
      digest: try digest("10"), repository: "registry.example/team/app", tag: "v1.0",
      images: [try debian(), try debian("05"), try rocky(), try debian()])
  }
}
