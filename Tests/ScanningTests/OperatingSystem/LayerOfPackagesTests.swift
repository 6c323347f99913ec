import Testing

@testable import Scanning

@Suite("Layers with package databases")
struct LayerOfPackagesTests {
  /// A tar archive of files and hard links.
  private static func archive(_ entries: [(path: String, content: [UInt8], link: String?)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in entries {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, _ place: Int) {
        header.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
      }
      func octal(_ number: Int, _ width: Int) -> String {
        let digits = String(number, radix: 8)
        return String(repeating: "0", count: width - digits.count) + digits
      }
      put(entry.path, 0)
      put("0000644", 100)
      put(octal(entry.content.count, 11), 124)
      put(entry.link == nil ? "0" : "1", 156)
      put(entry.link ?? "", 157)
      put("ustar\u{0}00", 257)
      put("        ", 148)
      put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148)
      bytes += header + entry.content
      bytes += [UInt8](repeating: 0, count: (512 - entry.content.count % 512) % 512)
    }
    return bytes + [UInt8](repeating: 0, count: 1024)
  }

  @Test("A real database of rpm in a layer is an image's packages, each judged by its distribution")
  func image() throws {
    let layer = try LayerReader.read(
      MemorySource(
        Self.archive([
          ("etc/os-release", Array("ID=mariner\nVERSION_ID=\"2.0\"\n".utf8), nil),
          ("var/lib/rpm/rpmdb.sqlite", try SharedData.bytes("rpmdb/cbl-mariner-2.0/rpmdb.sqlite"), nil),
        ])))
    #expect(layer.notices.isEmpty)
    let image = ImageInventory(folding: [try LayerInventory(decoding: layer.encoded())])
    #expect(image.state == .inventoried)
    #expect(image.components.count == 129)
    #expect(image.distribution?.ecosystems == [Ecosystem(parsing: "Azure Linux:2")])
  }

  @Test("A broken database is a notice with its reason, and the layer is read on")
  func broken() throws {
    let layer = try LayerReader.read(
      MemorySource(
        Self.archive([
          ("var/lib/rpm/Packages", Array("no database".utf8), nil), ("etc/alpine-release", Array("3.18.4\n".utf8), nil),
        ])))
    #expect(
      layer.notices == [
        Notice(.unreadable, path: "var/lib/rpm/Packages", detail: "rpm: it is of no form that rpm is known to write")
      ])
    #expect(ImageInventory(folding: [layer]).unreadableDatabases.count == 1)
    #expect(layer.artefacts.map(\.path) == ["etc/alpine-release"])
  }

  @Test("Hard links to a database count as often as they are")
  func hardLinks() throws {
    let database = Array("P:a\nV:1\nF:bin\nR:a\n\n".utf8)
    let layer = Self.archive(
      [("lib/apk/db/installed", database, nil)]
        + (0..<3).map { ("copy\($0)", [], "lib/apk/db/installed") })
    var limits = ArchiveLimits()
    limits.componentCount = 4
    #expect(try LayerReader.read(MemorySource(layer), limits: limits).artefacts.count == 4)
    limits.componentCount = 3
    #expect(throws: LayerError.limit("it names more than 3 packages")) {
      try LayerReader.read(MemorySource(layer), limits: limits)
    }
    limits = ArchiveLimits()
    limits.ownedPathCount = 3
    #expect(throws: LayerError.limit("its packages own more than 3 programs")) {
      try LayerReader.read(MemorySource(layer), limits: limits)
    }
  }
}
