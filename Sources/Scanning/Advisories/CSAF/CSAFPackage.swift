internal import OCI

/// A product of a vendor as advisories of its distribution name it.
struct CSAFProduct: Hashable {
  let ecosystem: Ecosystem
  /// What all products of one release have in common: a flaw that one of them has mended is mended there.
  let release: String
  /// It is what everybody gets, and no prolonged support for some.
  let isMain: Bool

  /// Nil for products of other vendors.
  init?(_ product: CSAFProductTree.Product) {
    if let name = RedHatProducts.product(product.cpe) {
      self.init(redHat: name)
    } else if let name = SUSEProducts.ecosystem(product.name) {
      self.init(ecosystem: name, release: SUSEProducts.release(of: name), isMain: true)
    } else {
      return nil
    }
  }

  private init(ecosystem: Ecosystem, release: String, isMain: Bool) {
    self.ecosystem = ecosystem
    self.release = release
    self.isMain = isMain
  }

  /// - Parameter name: `enterprise_linux:9::baseos`, `rhel_eus:9.2::appstream`.
  private init(redHat name: String) {
    let ecosystem = Ecosystem("Red Hat", release: name)
    let fields = name.split(separator: ":", omittingEmptySubsequences: false)
    let major = (fields.dropFirst().first ?? "").prefix { $0 != "." }
    let isMain = fields[0] == "enterprise_linux"
    let isOfRelease = isMain || RedHatProducts.prolonged.contains(String(fields[0]))
    self.init(
      ecosystem: ecosystem, release: isOfRelease ? "Red Hat \(major)" : ecosystem.description, isMain: isMain)
  }
}

/// A package in a product, by the name that advisories of that ecosystem have for it.
struct CSAFPackage {
  let product: CSAFProduct
  var name: String
  /// With its epoch; nil: any.
  var version: String?
  /// It is a source, and the ecosystem speaks of what is built from it.
  var isSource = false

  /// Nil for what is no package of rpm in a product of these vendors, or has a version that is none.
  ///
  /// A package of a module stream has that before its name, as Red Hat writes it: `nodejs:18/nodejs`. Those of other streams, and of
  /// none, are other packages.
  init?(_ id: String, _ tree: CSAFProductTree) {
    guard let whole = tree.whole(id), let product = CSAFProduct(whole.product),
      let purl = tree.component(id).flatMap({ try? PackageURL(parsing: $0) }), purl.type == "rpm"
    else { return nil }
    self.product = product
    let epoch = purl.qualifiers["epoch"].flatMap { $0 == "0" ? nil : $0 + ":" } ?? ""
    var plain = purl.version
    isSource = ["src", "source", "nosrc"].contains(purl.qualifiers["arch"] ?? "")
    name = purl.name
    if product.ecosystem.name == "Red Hat" {
      if let module = Self.module(purl, whole.between) {
        // Of a component that is affected whatever its version the stream stands in its place.
        if plain == module.split(separator: ":").last.map({ String($0) }) { plain = nil }
        name = ModuleStreams.name(purl.name, in: module)
      }
    } else {
      let source = Self.source(purl)
      name = source.name
      plain = source.version ?? plain
      isSource = false
    }
    version = plain.map { $0.utf8.contains(UInt8(ascii: ":")) ? $0 : epoch + $0 }
    if let version, VersionOrder.rpm.parse(version) == nil { return nil }
  }

  /// `name:stream`, of a longer label or of the module that stands between a package and its product.
  private static func module(_ purl: PackageURL, _ between: [CSAFProductTree.Product]) -> String? {
    if let label = purl.qualifiers["rpmmod"] { return ModuleStreams.stream(label) }
    for product in between {
      guard let purl = product.purl.flatMap({ try? PackageURL(parsing: $0) }), purl.type == "rpmmod" else { continue }
      return ModuleStreams.stream("\(purl.name):\(purl.version ?? "")")
    }
    return nil
  }

  /// SUSE speaks of binaries, and says what they were built from: `upstream=xz-5.6.2-1.1.src.rpm`, or without the version. Where it
  /// does not, the name is taken for that of the source, which one of the binaries mostly has.
  private static func source(_ purl: PackageURL) -> (name: String, version: String?) {
    guard let upstream = purl.qualifiers["upstream"] else { return (purl.name, nil) }
    if purl.version != nil, let source = RPMPackage.source(of: upstream) { return (source.name, source.version) }
    let plain = [".nosrc.rpm", ".src.rpm"].first { upstream.hasSuffix($0) }.map { upstream.dropLast($0.count) }
    return (String(plain ?? Substring(upstream)), nil)
  }
}
