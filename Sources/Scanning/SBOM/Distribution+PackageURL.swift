extension Distribution {
  /// What other tools call a distribution, and its own `ID`.
  private static let names = [
    "redhat": "rhel", "amazon": "amzn", "amazonlinux": "amzn", "oracle": "ol", "oraclelinux": "ol",
    "alma": "almalinux", "rockylinux": "rocky", "cbl-mariner": "mariner", "azure": "azurelinux", "suse": "sles",
    "opensuse.leap": "opensuse-leap", "opensuse.tumbleweed": "opensuse-tumbleweed",
  ]

  static func identifier(_ name: String) -> String { names[name.lowercased()] ?? name.lowercased() }

  /// The vendor as package URLs name it.
  ///
  /// Source: purl-spec, definitions of deb, apk and rpm.
  var packageNamespace: String {
    switch id {
    case "rhel": "redhat"
    case "opensuse-leap", "opensuse-tumbleweed", "opensuse-leap-micro": "opensuse"
    case "sles", "sled", "sles_sap", "sle_hpc", "sle-micro", "sl-micro", "suse-microos": "suse"
    default: id
    }
  }

  /// The value of `distro`: `debian-12`; of a release that has a name only, that.
  var qualifier: String {
    if !versionID.isEmpty { return "\(id)-\(versionID)" }
    return codename.flatMap { $0.isEmpty ? nil : $0 } ?? id
  }

  /// Reads `debian-12`, `opensuse-leap-15.6`, `alpine-edge`, `bookworm`, `12`.
  ///
  /// - Parameter owner: the distribution that the namespace names.
  init?(qualifier text: String, owner: String?) {
    func isNumbered(_ text: Substring) -> Bool { text.first.map { ("0"..."9").contains($0) } ?? false }
    if let dash = text.lastIndex(of: "-"), dash > text.startIndex {
      let rest = text[text.index(after: dash)...]
      let id = Self.identifier(String(text[..<dash]))
      if isNumbered(rest) || rest == "edge" {
        self.init(id: id, versionID: String(rest))
        return
      }
      if id == "debian" || id == "ubuntu" {
        self.init(id: id)
        codename = String(rest)
        return
      }
    }
    guard let owner, owner != Self.identifier(text) else {
      self.init(id: Self.identifier(text))
      return
    }
    if isNumbered(Substring(text)) {
      self.init(id: owner, versionID: text)
    } else if owner == "debian" || owner == "ubuntu" {
      self.init(id: owner)
      codename = text
    } else {
      self.init(id: Self.identifier(text))
    }
  }
}
