/// Reads what pip and its like have installed.
///
/// Source: packaging.python.org, "Core metadata specifications", "Recording installed projects"; PEP 503.
struct PythonCataloguer: Cataloguer {
  let name = "python"
  let revision = 1
  let sizeLimitBytes = 4 << 20

  func wants(_ file: Candidate) -> Bool {
    let path = file.path
    if path.hasSuffix("/METADATA") { return path.hasSuffix(".dist-info/METADATA") }
    if path.hasSuffix("/PKG-INFO") {
      return path.hasSuffix(".egg-info/PKG-INFO") || path.hasSuffix("EGG-INFO/PKG-INFO")
    }
    return path.hasSuffix(".egg-info")
  }

  func artefact(in file: LayerFile) -> Artefact? {
    var name = ""
    var version = ""
    var licenses: [String] = []
    for line in LineReader(file.bytes) {
      // The headers end at the first empty line; the description follows.
      if line.isEmpty { break }
      guard line.first != UInt8(ascii: " "), line.first != UInt8(ascii: "\t"), let field = line.field else { continue }
      if field.name.equals("Name") {
        name = field.value
      } else if field.name.equals("Version") {
        version = field.value
      } else if field.name.equals("License-Expression") || field.name.equals("License") {
        if !field.value.isEmpty, field.value != "UNKNOWN" { licenses.append(field.value) }
      }
    }
    guard !name.isEmpty, !version.isEmpty else { return nil }
    var component = Component(.pypi, name: Self.normalised(name), version: version)
    component.licenses = licenses
    return Artefact(path: file.path, cataloguer: self.name, components: [component])
  }

  /// Lower case, and any run of `-`, `_` and `.` as one `-`.
  static func normalised(_ name: String) -> String {
    var result = ""
    var isSeparated = false
    for scalar in name.unicodeScalars {
      if scalar == "-" || scalar == "_" || scalar == "." {
        isSeparated = true
        continue
      }
      if isSeparated, !result.isEmpty { result += "-" }
      isSeparated = false
      result.unicodeScalars.append(
        ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
    }
    return result
  }
}
