public import OCI

/// What a statement is said of: a product as a whole, or one package in it.
public struct VEXTarget: Sendable, Hashable {
  public enum Product: Sendable, Hashable {
    /// Whatever the document is attached to.
    case attached
    /// The image or index of this digest.
    case digest(Digest)
    /// A package URL of type oci or docker: a repository, or one image of it.
    case image(PackageURL)
    /// A package, or what is installed as one.
    case package(PackageURL)
    /// A distribution by its CPE.
    case system(PlatformName)
  }

  public var product: Product
  /// The package in the product; nil: the product as a whole.
  public var component: PackageURL?

  public init(_ product: Product, component: PackageURL? = nil) {
    self.product = product
    self.component = component
  }

  /// From how a document names a product.
  ///
  /// - Parameter identifier: a package URL, a digest, or a CPE of an operating system.
  /// - Returns: nil for what nothing in a registry can be recognised by.
  public static func product(_ identifier: String) -> Product? {
    if let purl = try? PackageURL(parsing: identifier) {
      if purl.isImage, let digest = purl.version.flatMap({ try? Digest(parsing: $0) }) { return .digest(digest) }
      return purl.isImage ? .image(purl) : .package(purl)
    }
    if let digest = try? Digest(parsing: identifier) { return .digest(digest) }
    return PlatformName(parsing: identifier).map { .system($0) }
  }
}

extension VEXTarget: CustomStringConvertible {
  private static let attachedWord = "attached"

  /// The product, and behind a space the component, if there is one. Nothing but ASCII without white space in either; what
  /// ``init(parsing:)`` reads. Empty for all that the document is attached to.
  public var description: String {
    let whole =
      switch product {
      case .attached: component == nil ? "" : Self.attachedWord
      case .digest(let digest): digest.description
      case .image(let purl), .package(let purl): purl.description
      case .system(let name): name.description
      }
    return component.map { "\(whole) \($0)" } ?? whole
  }

  /// Reads what ``description`` gives; nil for anything else.
  public init?(parsing text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count <= 2, let first = parts.first else { return nil }
    if parts.count == 2 {
      guard let purl = try? PackageURL(parsing: parts[1]) else { return nil }
      component = purl
    }
    if first.isEmpty || first == Self.attachedWord {
      guard first.isEmpty == (component == nil) else { return nil }
      product = .attached
    } else {
      guard let read = Self.product(String(first)) else { return nil }
      product = read
    }
  }
}

/// The name of an operating system or a part of it: the first fields of a CPE.
///
/// Source: NIST IR 7695, sections 6.1 and 6.2.
public struct PlatformName: Sendable, Hashable, CustomStringConvertible {
  public let vendor: String
  public let product: String
  /// Empty: any.
  public let version: String
  /// `sp6`; empty: any.
  public let update: String

  private static let fieldLimitBytes = 128

  /// Reads `cpe:/o:redhat:enterprise_linux:9::baseos` and `cpe:2.3:o:redhat:enterprise_linux:9:*:…`.
  ///
  /// - Returns: nil for what is no CPE, or one without vendor and product.
  public init?(parsing text: some StringProtocol) {
    let isFormatted = text.hasPrefix("cpe:2.3:")
    guard isFormatted || text.hasPrefix("cpe:/") else { return nil }
    let fields = text.dropFirst(isFormatted ? "cpe:2.3:".count : "cpe:/".count).lowercased()
      .split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    func field(_ index: Int) -> String {
      guard fields.indices.contains(index), fields[index] != "*", fields[index] != "-" else { return "" }
      return String(fields[index])
    }
    let read = (1...4).map { field($0) }
    guard !read[0].isEmpty, !read[1].isEmpty,
      read.allSatisfy({ $0.utf8.count <= Self.fieldLimitBytes && $0.utf8.allSatisfy { 0x21...0x7e ~= $0 } })
    else { return nil }
    vendor = read[0]
    product = read[1]
    version = read[2]
    update = read[3]
  }

  /// `cpe:/o:redhat:enterprise_linux:9`, of an operating system whatever its part was.
  public var description: String {
    let name = "cpe:/o:\(vendor):\(product)"
    if version.isEmpty, update.isEmpty { return name }
    return update.isEmpty ? "\(name):\(version)" : "\(name):\(version):\(update)"
  }

  /// Whether a system of the name `other` is meant by this one.
  func takes(_ other: PlatformName) -> Bool {
    vendor == other.vendor && product == other.product
      && (version.isEmpty || version == other.version || other.version.hasPrefix(version + "."))
      && (update.isEmpty || update == other.update)
  }
}
