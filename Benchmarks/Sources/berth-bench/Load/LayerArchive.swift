import Foundation

/// A layer as a tar archive, made in memory.
///
/// Source: POSIX.1-1988, "ustar".
struct LayerArchive {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ path: String, _ content: [UInt8]) {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    put(path, at: 0)
    put("0000644\0", at: 100)
    put("0000000\0", at: 108)
    put("0000000\0", at: 116)
    put(String(format: "%011o\0", content.count), at: 124)
    put("00000000000\0", at: 136)
    put("        ", at: 148)
    put("0", at: 156)
    put("ustar\u{0}00", at: 257)
    put(String(format: "%06o\0 ", header.reduce(0) { $0 + Int($1) }), at: 148)
    bytes += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  /// With the end that every archive has.
  var whole: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

  /// An archive that compresses about as those of distributions do, to a third or so: words of a made-up language, passages that
  /// come again, and bytes of no order.
  static func ordinary(byteCount: Int) -> [UInt8] {
    var random = RandomBytes(seed: 42)
    let words = (0..<4096).map { _ in random.bytes(3 + Int(random.next() % 8)).map { 0x61 + $0 % 26 } + [0x20] }
    var archive = LayerArchive()
    var number = 0
    while archive.bytes.count < byteCount {
      let size = 2000 + Int(random.next() % 60_000)
      var content: [UInt8] = []
      content.reserveCapacity(size + 16)
      while content.count < size {
        switch random.next() % 24 {
        case 0: content += random.bytes(24)
        case 1...3 where content.count > 1000:
          let start = content.count - 1000
          content += content[start..<start + 64 + Int(random.next() % 400)]
        default: content += words[Int(random.next() % 4096)]
        }
      }
      archive.add("usr/lib/made-up/\(number / 100)/file\(number)", content)
      number += 1
    }
    return archive.whole
  }
}

/// Images of a made-up distribution: each has some hundred packages out of many.
struct PackageCatalogue: Sendable {
  /// Names of packages, and how many versions there are of each.
  let names: Int
  let versions: Int
  let packagesOfImage: Int

  func layer(of image: Int) -> SmallBlob {
    var random = RandomBytes(seed: UInt64(image) &+ 77)
    var status = ""
    var chosen: Set<Int> = []
    while chosen.count < packagesOfImage { chosen.insert(Int(random.next() % UInt64(names))) }
    for name in chosen.sorted() {
      status +=
        "Package: package\(name)\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.\(random.next() % UInt64(versions)).0-1\n\n"
    }
    var archive = LayerArchive()
    archive.add("etc/os-release", Array("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n".utf8))
    archive.add("var/lib/dpkg/status", Array(status.utf8))
    return SmallBlob(archive.whole)
  }

  /// Records of OSV, one a line, each of one package, as long as those that are published: some 1.5 KB.
  func advisories(_ serials: Range<Int>, fixed: String) -> [UInt8] {
    var lines = ""
    let details = String(repeating: "A flaw of a package that nobody has, described at some length. ", count: 16)
    let references = (0..<4).map { #"{"type":"WEB","url":"https://advisories.example/some/page/\#($0)"}"# }
      .joined(separator: ",")
    for serial in serials {
      lines +=
        #"{"id":"BENCH-\#(serial)","modified":"2026-01-01T00:00:00Z","aliases":["CVE-2026-\#(10_000 + serial)"],"summary":"A flaw","details":"\#(details)","references":[\#(references)],"affected":[{"package":{"ecosystem":"Debian:12","name":"package\#(serial % names)"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(fixed)"}]}]}]}"#
        + "\n"
    }
    return Array(lines.utf8)
  }
}
