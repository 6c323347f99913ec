/// Module streams of Red Hat and of the distributions that are built from its sources. A package of one is another than those of the same
/// name in other streams and outside of modules: what mends `nodejs:20` says nothing of `nodejs:18`.
///
/// Records of OSV have the plain name of a package, versions of builds for modules, and the streams in their titles. They are kept and
/// asked for by names with the stream before them, `nodejs:18/npm`, as Red Hat's VEX has them from the beginning.
///
/// Source: docs.fedoraproject.org, "Modularity"; records ALSA, RLSA and RHSA of OSV.
enum ModuleStreams {
  private static let ecosystems: Set<String> = ["AlmaLinux", "Rocky Linux", "Red Hat"]
  /// Stands for a stream of which the record does not say which it is.
  private static let unknown = "?"
  /// Stands for every stream: a package was built for one, and nothing says for which.
  private static let every = "*"
  /// Stands for the plain name by which records of modules were kept before ``RecordNames/revision`` 1.
  private static let former = "-"

  static func has(_ ecosystem: Ecosystem) -> Bool { ecosystems.contains(ecosystem.name) }

  /// `name:stream` of the label `name:stream:version:context`; of a label that has no stream all of it.
  static func stream(_ label: String) -> String { label.split(separator: ":").prefix(2).joined(separator: ":") }

  /// `nodejs:18/nodejs`.
  static func name(_ package: String, in stream: String) -> String { "\(stream)/\(package)" }

  /// By what names records speak of a package of an image.
  ///
  /// - Parameter package: its name, or that of its source.
  static func asked(_ package: String, of component: Component) -> [String] {
    if let label = component.module, !label.isEmpty {
      return [stream(label), unknown, former].map { name(package, in: $0) }
    }
    return isBuild(component.version) ? asked(package) : [package]
  }

  /// By what names records speak of a package of which nothing more is known.
  static func asked(_ package: String) -> [String] { [package, name(package, in: every)] }

  /// For which streams a record with this title is kept: `Important: virt:rhel and virt-devel:rhel security update`.
  static func kept(title: String) -> [String] {
    let streams = streams(in: title)
    return (streams.isEmpty ? [unknown] : streams) + [every]
  }

  /// What was kept under several names, once and under its plain one.
  static func plain(_ all: [Affected]) -> [Affected] {
    let ofEvery = all.filter { has($0.ecosystem) && $0.name.hasPrefix(every + "/") }.map { plain($0) }
    guard !ofEvery.isEmpty else { return all }
    let known = Set(ofEvery)
    return all.compactMap { one in
      guard has(one.ecosystem), one.name.contains("/"), known.contains(plain(one)) else { return one }
      return one.name.hasPrefix(every + "/") ? plain(one) : nil
    }
  }

  private static func plain(_ affected: Affected) -> Affected {
    var affected = affected
    affected.name = affected.name.lastIndex(of: "/").map { String(affected.name[$0...].dropFirst()) } ?? affected.name
    return affected
  }

  /// The plain name that one stands for by which records were kept before; nil: it stands for none.
  static func formerName(_ name: String) -> String? {
    name.hasPrefix(former + "/") ? String(name.dropFirst(former.count + 1)) : nil
  }

  /// All that it mends was built for modules.
  fileprivate static func isOfModules(_ affected: Affected) -> Bool {
    guard !affected.name.contains("/") else { return false }
    var isAny = false
    for range in affected.ranges {
      for case .fixed(let version) in range.events {
        guard isBuild(version) else { return false }
        isAny = true
      }
    }
    return isAny
  }

  /// `1:18.12.1-1.module_el9.1.0+16+91bc168f`, `3.3.1-2.module+el9.4.0+20787+4c237fd3`.
  private static func isBuild(_ version: String) -> Bool {
    guard let dash = version.utf8.lastIndex(of: UInt8(ascii: "-")) else { return false }
    var rest = version.utf8[dash...]
    while let dot = rest.firstIndex(of: UInt8(ascii: ".")) {
      rest = rest[dot...]
      if rest.starts(with: ".module".utf8) { return true }
      rest = rest.dropFirst()
    }
    return false
  }

  /// The words `name:stream` of a title, and ``unknown`` besides where a word might be one and does not look like one.
  private static func streams(in title: String) -> [String] {
    var found: Set<String> = []
    for part in title.unicodeScalars.split(whereSeparator: isSeparator) where part.contains(":") {
      guard let word = trimmed(Substring(part)), word.contains(":") else { continue }
      let sides = word.split(separator: ":", omittingEmptySubsequences: false)
      if isNameOfAdvisory(sides[0]) { continue }
      found.insert(sides.count == 2 && sides.allSatisfy(isLabel) && !isNumber(sides[0]) ? String(word) : unknown)
    }
    return found.sorted()
  }

  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case " ", ",", ";", "(", ")", "[", "]", "\"", "'", "“", "”", "‘", "’": true
    default: false
    }
  }

  /// Without the punctuation that ends a part of a sentence.
  private static func trimmed(_ word: Substring) -> Substring? {
    func isMark(_ character: Character) -> Bool { ".:!?".contains(character) }
    return word.lastIndex { !isMark($0) }.map { word[...$0].drop(while: isMark) }
  }

  /// `RHSA-2023` of `RHSA-2023:1582`: capitals and a number. Modules may have either (`389-ds`, `perl-App-cpanminus`), not both so.
  private static func isNameOfAdvisory(_ text: Substring) -> Bool {
    guard let dash = text.firstIndex(of: "-") else { return false }
    let rest = text[dash...].dropFirst()
    return text[..<dash].utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
      && rest.utf8.first?.isDecimal == true
  }

  private static func isNumber(_ text: Substring) -> Bool { text.utf8.allSatisfy(\.isDecimal) }

  /// As names of modules and of streams are written.
  private static func isLabel(_ text: Substring) -> Bool {
    !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._+-".contains($0)) }
  }
}

/// By what names records of advisories are kept.
public enum RecordNames {
  /// Raised when ``PackageNaming`` answers something else than before, so that feeds are read again as a whole, also those
  /// that have not changed. Records of before stay until their feed was read, and are to be found until then.
  public static let revision = 1
}

extension AdvisorySubject {
  /// The name by which records are asked for that were kept before ``RecordNames/revision`` 1, where `name` stands for such a one; of
  /// what is found by it ``Affected/isOfModules`` counts alone. Nil: it stands for itself.
  public static func formerName(_ name: String, in ecosystem: Ecosystem) -> String? {
    ModuleStreams.has(ecosystem) ? ModuleStreams.formerName(name) : nil
  }
}

extension Affected {
  /// It has the plain name of a package, and all that it mends was built for modules: nothing is kept so any more.
  public var isOfModules: Bool { ModuleStreams.has(ecosystem) && ModuleStreams.isOfModules(self) }
}

/// By what names the packages of one record are looked for. Its title is read once, however many packages it speaks of.
public struct PackageNaming {
  private let title: String
  /// Those of the title; nil: nobody asked yet.
  private var streams: [String]?

  public init(_ advisory: Advisory) { title = advisory.summary ?? "" }

  /// The names of one package, as its ecosystem compares them.
  public mutating func names(of affected: Affected) -> [String] {
    guard ModuleStreams.has(affected.ecosystem) else { return [affected.ecosystem.normalised(affected.name)] }
    guard ModuleStreams.isOfModules(affected) else { return [affected.name] }
    let kept = streams ?? ModuleStreams.kept(title: title)
    streams = kept
    return kept.map { ModuleStreams.name(affected.name, in: $0) }
  }
}

extension Advisory {
  /// The same with the names that its record had for packages, where they are those by which it is kept.
  public mutating func takePlainNames() { affected = ModuleStreams.plain(affected) }
}
