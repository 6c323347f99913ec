internal import Metadata
internal import OCI
internal import Scanning

// What no advisory that is here can say: an image is not clean because nothing was asked about it.
extension Registry {
  /// Why nothing can be said of all packages of a kind that an image has: no advisories are known for its distribution, or none of their
  /// ecosystem are here. Nil: all kinds are judged.
  ///
  /// - Parameter packages: those of the image.
  static func unjudged<R: Reading & ~Copyable>(
    _ packages: [ImagePackageRow], _ transaction: borrowing R
  ) throws -> String? {
    let own = packages.filter { $0.ownedBy == nil }
    let ecosystems = try transaction.ecosystemsWithoutAdvisories(ofPackages: Set(own.map(\.key)).sorted())
    let reasons = [
      ecosystems.isEmpty ? nil : "no advisories are here for \(ecosystems.joined(separator: ", "))",
      unjudgedSystem(own),
    ].compactMap { $0 }
    return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
  }

  /// For people, what is not known of an image that is judged: packages that no advisory is asked about, files that could not be
  /// read, and VEX documents attached to it that could not.
  ///
  /// - Parameters:
  ///   - packages: those of the image.
  ///   - notices: those of the image.
  static func gaps<R: Reading & ~Copyable>(
    _ image: ImageInventoryRow, in repository: RepositoryName, _ packages: [ImagePackageRow], _ notices: [ImageNotice],
    _ transaction: borrowing R
  ) throws -> [String] {
    let unread = try transaction.unreadableVEX(
      about: transaction.digestsOf(image: image.digest, in: repository), of: repository.namespace)
    return gaps(packages, notices)
      + unread.map { "not read: the attached VEX document \($0.document): \($0.reason)" }
  }

  /// How many packages are named for each reason.
  private static let namedLimit = 5

  private static func gaps(_ packages: [ImagePackageRow], _ notices: [ImageNotice]) -> [String] {
    let unjudged = packages.filter { package in
      package.ownedBy == nil && package.notJudged.map { !AdvisorySubject.NotJudged.isHarmless($0) } ?? false
    }
    let byReason = Dictionary(grouping: unjudged) { $0.notJudged ?? "" }.sorted { $0.key < $1.key }
    let unread = notices.filter { $0.kind == Notice.Kind.unreadable.rawValue && !$0.isHidden }
    return byReason.map { reason, packages in
      "not judged: \(named(packages.map { $0.version.isEmpty ? $0.name : "\($0.name) \($0.version)" })): \(reason)"
    } + unread.map { "not read: \($0.path): \($0.detail)" }
  }

  private static func named(_ names: [String]) -> String {
    let shown = names.prefix(namedLimit).joined(separator: ", ")
    return names.count > namedLimit ? "\(shown) and \(names.count - namedLimit) more" : shown
  }

  /// Why none of the operating system's packages is judged. Where some are, those that are not are told one by one.
  private static func unjudgedSystem(_ packages: [ImagePackageRow]) -> String? {
    let system = packages.filter { PackageType(rawValue: $0.type)?.isOperatingSystem ?? false }
    guard !system.contains(where: { $0.notJudged == nil }) else { return nil }
    // The reason of the most counts.
    let groups = Dictionary(grouping: system) { "\($0.type)\u{0}\($0.notJudged ?? "")" }
    let ordered = groups.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
    let reason = ordered.lazy.compactMap(\.value[0].notJudged).first { !AdvisorySubject.NotJudged.isHarmless($0) }
    return reason.map { "its operating system's packages cannot be judged: \($0)" }
  }
}
