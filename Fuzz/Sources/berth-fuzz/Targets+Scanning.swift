import Glibc
import OCI

@testable import Scanning

// What is in images, and what is said of it: all of it is read from strangers.
extension Target {
  static let scanning: [Target] = [
    Target("layer", bytes: [ScanSeeds.layer] + RecordSeeds.packedLayers) { bytes in
      var files = 0
      guard
        let layer = try? LayerReader.read(MemorySource(bytes), limits: ScanSeeds.limits, listed: { _ in files += 1 })
      else { return }
      precondition(files <= ScanSeeds.limits.listedFileCount)
      precondition((try? LayerInventory(decoding: layer.encoded())) == layer)
      _ = ImageInventory(folding: [layer, layer])
    },
    Target("catalogued-file", ScanSeeds.documents) { bytes in
      for path in ScanSeeds.paths { ScanSeeds.read(path, bytes) }
    },
    Target("package-database", bytes: ScanSeeds.databases + RecordSeeds.databases) { bytes in
      for path in ScanSeeds.databasePaths { ScanSeeds.read(path, bytes) }
    },
    Target("program", bytes: ScanSeeds.programs) { bytes in ScanSeeds.read("usr/bin/app", bytes) },
    Target("java-archive", bytes: ScanSeeds.archives) { bytes in ScanSeeds.read("app/app.jar", bytes) },
    Target("layer-inventory", bytes: [ScanSeeds.inventory]) { bytes in
      guard let layer = try? LayerInventory(decoding: bytes) else { return }
      precondition((try? LayerInventory(decoding: layer.encoded())) == layer)
    },
    Target("advisory", ScanSeeds.advisories) { bytes in
      bytes.withUnsafeBytes { bytes in
        for format in AdvisoryFormat.allCases {
          guard let items = try? format.items(bytes) else { continue }
          for case .advisory(let advisory) in items {
            for affected in advisory.affected {
              _ = VersionRanges(affected).verdict(VersionRanges.Subject("1.0", in: affected.ecosystem))
              let again = try? Affected(
                decoding: affected.encoded(), ecosystem: affected.ecosystem, name: affected.name)
              precondition(again?.ranges == affected.ranges)
            }
          }
        }
      }
    },
    Target(
      "version", ["1.0~rc1", "1:2.30-1+b1", "2.0.0-alpha.1+x", "1.0.0.Final", "v1.2.3", "1.0rc1.post2", "4.17.1-r0"]
    ) {
      bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      for ecosystem in ScanSeeds.ecosystems {
        guard let order = VersionOrder(ecosystem: ecosystem), let same = order.compare(text, text) else { continue }
        precondition(same == .equal, ecosystem)
      }
    },
    Target("package-url", ["pkg:deb/debian/curl@7.88?arch=amd64&distro=debian-12", "pkg:npm/%40s/n@1#a/b"]) { bytes in
      guard let purl = try? PackageURL(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
      // Bytes that are no text have grown to nine: what is written may be too long to be read.
      let text = purl.description
      precondition(text.utf8.count > PackageURL.limitBytes || (try? PackageURL(parsing: text)) == purl)
      _ = purl.component()
    },
    Target("sbom-and-vex", ScanSeeds.attached) { bytes in
      bytes.withUnsafeBytes { bytes in
        if let document = try? SBOMReader.document(bytes) { _ = SBOMComparison(of: [], with: document) }
        if let document = try? VEXReader.document(bytes) {
          for target in document.statements.flatMap(\.targets) {
            precondition(VEXTarget(parsing: target.description) != nil)
          }
        }
      }
    },
    Target("bundle", bytes: ScanSeeds.bundles) { bytes in
      if let manifest = try? BundleManifest(parsing: bytes) {
        precondition((try? BundleManifest(parsing: manifest.bytes)) == manifest)
      }
      let path = "/tmp/berth-fuzz-bundle-\(getpid())"
      guard let file = fopen(path, "w") else { return }
      _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
      fclose(file)
      defer { unlink(path) }
      // As if the key were the attacker's own: what was signed may be broken all the same.
      guard let bundle = try? AdvisoryBundle(at: path, trusting: { _, _ in true }) else { return }
      for feed in bundle.manifest.feeds {
        guard let records = try? bundle.records(of: feed) else { continue }
        while (try? records.next { _ in }) == true {}
      }
    },
    Target("secret", ["AKIA0000000000000000", "-----BEGIN PRIVATE KEY-----\nMIIE", "\"auth\":\"eA==\""]) { bytes in
      bytes.withUnsafeBytes { _ = SecretFinder.shapes(in: "root/.docker/config.json", $0) }
    },
  ]
}

/// Where the mutations begin.
enum ScanSeeds {
  static let limits: ArchiveLimits = {
    var limits = ArchiveLimits()
    limits.uncompressedBytes = 64 << 20
    limits.listedFileCount = 1000
    return limits
  }()

  static let ecosystems = [
    "Debian", "Alpine", "Red Hat", "PyPI", "npm", "Maven", "RubyGems", "NuGet", "Packagist", "Go", "crates.io",
    "Hackage", "CRAN", "Pub",
  ]

  static let paths = [
    "etc/os-release", "var/lib/dpkg/status", "var/lib/dpkg/status.d/x", "lib/apk/db/installed",
    "a/x-1.dist-info/METADATA", "a/node_modules/x/package.json", "a/specifications/x.gemspec",
    "a/vendor/composer/installed.json", "a.deps.json", "etc/alpine-release",
  ]
  static let databasePaths = [
    "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages",
    "var/lib/rpmmanifest/container-manifest-2", "var/lib/chisel/manifest.wall",
  ]

  static func read(_ path: String, _ bytes: [UInt8]) {
    let candidate = Candidate(path: path, size: Int64(bytes.count), mode: 0o755, start: Array(bytes.prefix(16)))
    for cataloguer in Cataloguers.all where cataloguer.wants(candidate) {
      _ = try? bytes.withUnsafeBytes { try cataloguer.artefact(in: LayerFile(path: path, bytes: $0)) }
    }
    for cataloguer in Cataloguers.streaming where cataloguer.wants(candidate) {
      var gaps: [String] = []
      _ = try? cataloguer.artefact(in: path, MemorySource(bytes), gaps: &gaps)
    }
  }

  static let documents = [
    "ID=debian\nVERSION_ID=\"12\"\n",
    "Package: curl\nStatus: install ok installed\nSource: curl (1)\nVersion: 1:7-1\nArchitecture: amd64\n\n",
    "P:curl\nV:8.1.0-r0\nA:x86_64\no:curl\nF:usr/bin\nR:curl\n\n", "Name: x\nVersion: 1\n",
    #"{"name":"x","version":"1.0.0"}"#, "s.name = \"rack\".freeze\ns.version = \"1\"\n",
    #"{"packages":[{"name":"a/b","version":"v1"}]}"#, #"{"libraries":{"A/1":{"type":"package"}}}"#,
  ]

  static let advisories = [
    #"{"id":"A","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0"}]}],"versions":["0.1"]}]}"#,
    #"{"distroversion":"v3","reponame":"main","packages":[{"pkg":{"name":"x","secfixes":{"1-r0":["CVE-1"]}}}]}"#,
    #"{"cveID":"CVE-1","dateAdded":"2026-01-01"}"#, "CVE-1,0.5,0.5",
    #"{"curl": {"CVE-2023-1": {"scope": "remote", "releases": {"bookworm": {"status": "resolved", "fixed_version": "7.88.1-10+deb12u1", "urgency": "medium"}, "bullseye": {"status": "open", "nodsa": "x", "nodsa_reason": "ignored", "urgency": "low**"}}}}, "empty": {}}"#,
    #"{"document":{"category":"csaf_vex","publisher":{"namespace":"https://www.redhat.com"},"tracking":{"id":"CVE-1"}},"product_tree":{"branches":[{"product":{"product_id":"A","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9::baseos"}}},{"product":{"product_id":"p","product_identification_helper":{"purl":"pkg:rpm/redhat/p@2-1.el9_2?arch=x86_64&epoch=1&rpmmod=m:1"}}}],"relationships":[{"full_product_name":{"product_id":"A:p"},"product_reference":"p","relates_to_product_reference":"A"}]},"vulnerabilities":[{"cve":"CVE-1","product_status":{"fixed":["A:p"],"known_affected":["A:p"]},"remediations":[{"category":"no_fix_planned","product_ids":["A:p"]}],"threats":[{"category":"impact","details":"Low"}]}]}"#,
  ]

  static let attached = [
    #"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"x","version":"1","purl":"pkg:npm/x@1"}]}"#,
    #"{"spdxVersion":"SPDX-2.3","packages":[{"name":"x","versionInfo":"1","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/x@1"}]}]}"#,
    #"{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":{"name":"CVE-1"},"products":[{"@id":"pkg:npm/x@1"}],"status":"fixed"}]}"#,
    #"{"document":{"category":"csaf_vex"},"product_tree":{"branches":[{"category":"product_version","product":{"product_id":"p","product_identification_helper":{"purl":"pkg:npm/x@1"}}}]},"vulnerabilities":[{"cve":"CVE-1","product_status":{"fixed":["p"]}}]}"#,
  ]

  /// A bundle of one feed, and its manifest.
  static let bundles: [[UInt8]] = {
    let path = "/tmp/berth-fuzz-seed-\(getpid())"
    defer {
      unlink(path)
      unlink(path + ".feed")
    }
    do {
      let records = try BundleFeedFile(path: path + ".feed")
      try records.add(Array(advisories[0].utf8))
      let feed = try records.finish(name: "made", kind: .osv, refreshedAt: "2026-01-01T00:00:00Z")
      try BundleDraft.write(to: path, [(feed, path + ".feed")]) { _ in [UInt8](repeating: 7, count: 64) }
      guard let file = fopen(path, "r") else { return [] }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
      return [BundleManifest(feeds: [feed]).bytes, bytes]
    } catch { return [] }
  }()

  static let databases: [[UInt8]] = [
    Array("SQLite format 3\0".utf8) + [UInt8](repeating: 1, count: 200),
    Array("RpmP".utf8) + [UInt8](repeating: 0, count: 8192),
    [UInt8](repeating: 0, count: 12) + [0x61, 0x15, 0x06, 0x00] + [UInt8](repeating: 2, count: 8192),
  ]

  static let programs: [[UInt8]] = {
    let start: [UInt8] = [0x7F, 0x45, 0x4C, 0x46] + [UInt8](repeating: 0, count: 1020)
    let record =
      [0x30, 0x77, 0xAF, 0x0C, 0x92, 0x74, 0x08, 0x02, 0x41, 0xE1, 0xC1, 0x07, 0xE6, 0xD6, 0x18, 0xE6] as [UInt8]
    let text = record + Array("mod\tx\tv1.0.0\t\ndep\ty\tv1\n".utf8) + GoBuild.recordEnd
    let header: [UInt8] = [0xFF] + Array(" Go buildinf:".utf8) + [8, 2] + [UInt8](repeating: 0, count: 16)
    return [
      start + header + [6] + Array("go1.21".utf8) + [UInt8(text.count)] + text + start, start + [0x78, 0x9C] + start,
      olderProgram,
    ]
  }()

  /// Of Go before 1.18: one segment that is written to, loaded where it stands in the file. The text is at 128, what points to it at
  /// 160, the header at 192.
  private static let olderProgram: [UInt8] = {
    func word(_ value: Int, _ count: Int = 8) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1]
    func fill(_ end: Int) { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    fill(16)
    for field in [word(2, 2), word(62, 2), word(1, 4), word(0), word(64), word(0), word(0, 4)] { bytes += field }
    for field in [word(64, 2), word(56, 2), word(1, 2)] { bytes += field }
    fill(64)
    for field in [word(1, 4), word(6, 4), word(0), word(0), word(0), word(1024), word(1024), word(16)] {
      bytes += field
    }
    fill(128)
    bytes += Array("go1.16.5".utf8)
    fill(160)
    bytes += word(128) + word(8)
    fill(192)
    bytes += [0xFF] + Array(" Go buildinf:".utf8) + word(8, 2)
    return bytes + word(160) + [UInt8](repeating: 0, count: 1000)
  }()

  static let archives: [[UInt8]] = {
    let name = Array("META-INF/MANIFEST.MF".utf8)
    let content = Array("Implementation-Version: 1\n".utf8)
    var bytes: [UInt8] = [0x50, 0x4B, 3, 4, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    bytes += [UInt8(content.count), 0, 0, 0, UInt8(content.count), 0, 0, 0, UInt8(name.count), 0, 0, 0]
    return [bytes + name + content + [0x50, 0x4B, 1, 2] + [UInt8](repeating: 0, count: 42)]
  }()

  static let layer: [UInt8] = {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    put("etc/os-release", 0)
    put("0000644", 100)
    put("00000000010", 124)
    put("        ", 148)
    put("0", 156)
    put("ustar", 257)
    put("00", 263)
    let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
    put(String(repeating: "0", count: 6 - sum.count) + sum, 148)
    header[154] = 0
    return header + Array("ID=alpn\n".utf8) + [UInt8](repeating: 0, count: 504 + 1024)
  }()

  static let inventory: [UInt8] = (try? LayerReader.read(MemorySource(layer)).encoded()) ?? []
}
