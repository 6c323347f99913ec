/// Reads the database of apk.
///
/// Source: Alpine wiki, "Apk spec", "Installed Database V2".
struct ApkCataloguer: Cataloguer {
  let name = "apk"
  let revision = 1
  let sizeLimitBytes = 32 << 20

  private static let paths: Set<String> = ["lib/apk/db/installed", "usr/lib/apk/db/installed"]

  func wants(_ file: Candidate) -> Bool { Self.paths.contains(file.path) }

  func artefact(in file: LayerFile) -> Artefact? {
    var artefact = Artefact(path: file.path, cataloguer: name)
    var current = Record()
    for line in LineReader(file.bytes) {
      if line.isEmpty {
        current.end(&artefact)
        current = Record()
      } else {
        current.take(line)
      }
    }
    current.end(&artefact)
    return artefact
  }

  private struct Record {
    private var name = ""
    private var version = ""
    private var architecture: String?
    private var origin: String?
    private var license: String?
    private var directory = ""
    private var owned: [String] = []

    mutating func take(_ line: UnsafeRawBufferPointer) {
      guard line.count >= 2, line[1] == UInt8(ascii: ":") else { return }
      let value = UnsafeRawBufferPointer(rebasing: line.dropFirst(2)).text
      switch line[0] {
      case UInt8(ascii: "P"): name = value
      case UInt8(ascii: "V"): version = value
      case UInt8(ascii: "A"): architecture = value
      case UInt8(ascii: "o"): origin = value
      case UInt8(ascii: "L"): license = value
      case UInt8(ascii: "F"): directory = value
      case UInt8(ascii: "R"):
        let path = directory.isEmpty ? value : "\(directory)/\(value)"
        if LanguagePaths.mayHoldPackage(path) { owned.append(path) }
      default: break
      }
    }

    func end(_ artefact: inout Artefact) {
      guard !name.isEmpty, !version.isEmpty else { return }
      var component = Component(.apk, name: name, version: version)
      component.architecture = architecture
      component.source = .init(name: origin ?? name, version: version)
      component.licenses = license.map { [$0] } ?? []
      component.isHeadersOnly = name == "linux-headers"
      artefact.components.append(component)
      artefact.ownedPaths += owned
    }
  }
}
