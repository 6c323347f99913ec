extension Distribution {
  /// What the files of an image say together: one names the distribution, and others say more of it.
  init?(choosing artefacts: [Artefact]) {
    func said(_ path: String) -> Distribution? { artefacts.first { $0.path == path }?.distribution }
    guard let chosen = OSReleaseCataloguer.paths.lazy.compactMap({ said($0) }).first else { return nil }
    self = chosen
    switch id {
    case "debian":
      // Before its release, a version has a name only.
      guard versionID.isEmpty, let other = said("etc/debian_version") else { break }
      versionID = other.versionID
      codename = codename ?? other.codename
    case "alpine":
      // What is to be released has the number of the release that it will be.
      if said(ReleaseContext.alpineRepositories)?.versionID == "edge" || versionID.contains("_alpha") {
        versionID = "edge"
      }
    case "ubuntu": services = said(ReleaseContext.ubuntuServices)?.services ?? []
    default: break
    }
  }
}
