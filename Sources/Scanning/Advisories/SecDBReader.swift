public import OCI

/// Reads the database of security fixes of Alpine and its relatives: which version of a package mended which vulnerabilities.
///
/// Source: secdb.alpinelinux.org, `distroversion`, `reponame`, `packages[].pkg.{name, secfixes}`; Wolfi and Chainguard publish the same.
public enum SecDBReader {
  static func recognises(_ document: JSONValue) -> Bool {
    document["packages"] != nil && document["affected"] == nil
      && (document["distroversion"] != nil || document["reponame"] != nil)
  }

  /// - Parameter document: one file of the database.
  /// - Returns: an advisory for each vulnerability of the file, with all packages that it is mended in.
  /// - Throws: kind `.json` for what is no such file.
  public static func advisories(_ document: JSONValue) throws(ParseError) -> [Advisory] {
    // An edition that mends nothing has null.
    guard let member = document["packages"], let packages = member.isNull ? [] : member.array else {
      throw ParseError(.json, "the document has no packages: it is no database of security fixes")
    }
    let release = document["distroversion"]?.string ?? ""
    let ecosystem = Self.ecosystem(release, document["urlprefix"]?.string ?? "")
    let part = "\(release.isEmpty ? ecosystem.name : release)/\(document["reponame"]?.string ?? "")"
    var found: [String: [Affected]] = [:]
    for entry in packages {
      guard let package = entry["pkg"], let name = package["name"]?.string else { continue }
      for fix in package["secfixes"]?.object?.members ?? [] {
        // Said of what never was affected.
        guard fix.key != "0" else { continue }
        // Several names of one flaw stand in one text, with a space between them.
        for text in fix.value.array ?? [] {
          guard let vulnerability = text.string?.split(separator: " ").first else { continue }
          var affected = Affected(ecosystem: ecosystem, name: name)
          affected.ranges = [AdvisoryRange(.ecosystem, [.introduced("0"), .fixed(fix.key)])]
          found[String(vulnerability), default: []].append(affected)
        }
      }
    }
    return found.sorted { $0.key < $1.key }.map { vulnerability, affected in
      var advisory = Advisory(id: "\(ecosystem.name.uppercased())-\(part)-\(vulnerability)")
      advisory.upstream = [vulnerability]
      advisory.affected = affected
      return advisory
    }
  }

  private static func ecosystem(_ release: String, _ address: String) -> Ecosystem {
    if address.contains("wolfi") { return Ecosystem("Wolfi") }
    if address.contains("chainguard") || address.contains("cgr.dev") { return Ecosystem("Chainguard") }
    return Ecosystem(parsing: "Alpine:\(release)")
  }
}
