public import OCI

/// Reads what vendors publish of flaws in their products as CSAF: Red Hat's and SUSE's VEX, a document for each CVE, and their
/// advisories, a document for each update.
///
/// What is mended becomes a range that ends there. What is affected and not mended has no end, and what the vendor means to do
/// about it. What is not affected is not named, so that a record that comes again without it ends what was found before.
///
/// Source: CSAF 2.0, sections 3.2, 4.4 and 4.5; security.access.redhat.com/data/csaf/v2; ftp.suse.com/pub/projects/security.
public enum CSAFReader {
  /// Of one document. Flaws that all products of a vendor have come to a hundred megabytes.
  public static let documentLimitBytes = 256 << 20
  /// Of values in a document: each package in each product has a dozen.
  static let valueLimit = 16 << 20
  /// Of all mentions of products in a vulnerability. Groups can be named again and again.
  static let mentionLimit = 4_000_000
  static let referenceLimit = 100
  static var tooLarge: ParseError { ParseError(.json, "a document has more than \(documentLimitBytes) bytes") }

  /// - Returns: a record for each vulnerability, also where nothing that we know the name of is affected. None for what lies
  ///   beside documents where they are published: the description of a provider or a feed.
  /// - Throws: kind `.json` for what is no such document, or goes beyond a limit.
  public static func advisories(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> [Advisory] {
    guard bytes.count <= documentLimitBytes else { throw tooLarge }
    return try advisories(try value(bytes))
  }

  /// - Throws: as ``advisories(_:)-(UnsafeRawBufferPointer)``.
  public static func advisories(_ document: JSONValue) throws(ParseError) -> [Advisory] {
    guard let head = CSAFHead(document) else {
      guard document["metadata_version"] == nil, document["feed"] == nil else { return [] }
      throw ParseError(.json, "the document is no CSAF: it has no `document` with a name in `tracking`")
    }
    let vulnerabilities = document["vulnerabilities"]?.array ?? []
    guard !head.isWithdrawn else { return withdrawn(head, vulnerabilities) }
    let tree = CSAFProductTree(document["product_tree"])
    var found: [Advisory] = []
    for (index, vulnerability) in vulnerabilities.enumerated() {
      var advisory = advisory(head, names(vulnerability), index)
      let sayings = try CSAFSayings(vulnerability, tree, head)
      advisory.severities = sayings.severities
      advisory.affected = CSAFAffected.all(vulnerability, tree, sayings)
      advisory.summary = vulnerability["title"]?.string ?? head.title
      advisory.details = details(vulnerability)
      advisory.references = references(head, vulnerability)
      found.append(advisory)
    }
    return found
  }

  /// Whether a record is a document of CSAF.
  static func recognises(_ record: JSONValue) -> Bool { record["document"]?.object != nil }

  /// The document as a value. Some have texts in other encodings than they should: a letter of those is replaced.
  static func value(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> JSONValue {
    do throws(ParseError) { return try JSONValue.parse(bytes, valueLimit: valueLimit) } catch {
      let repaired = Array(String(decoding: bytes, as: UTF8.self).utf8)
      guard !repaired.elementsEqual(bytes) else { throw error }
      return try repaired.withUnsafeBytes { bytes -> Result<JSONValue, ParseError> in
        do throws(ParseError) { return .success(try JSONValue.parse(bytes, valueLimit: valueLimit)) } catch {
          return .failure(error)
        }
      }.get()
    }
  }

  // MARK: Records

  /// A document about one CVE has the name of the CVE. So have those of other vendors, and records of other feeds: the vendor
  /// stands before it. In a document of several flaws each has a record of its own, so that each is told by itself.
  private static func advisory(_ head: CSAFHead, _ names: [String], _ index: Int) -> Advisory {
    let name = names.first ?? (index == 0 ? head.id : "\(head.id)-\(index + 1)")
    let isOfOne = head.id.isEmpty || head.id.uppercased() == name.uppercased()
    var advisory = Advisory(id: isOfOne ? "\(head.vendor.prefix)-\(name)" : names.isEmpty ? name : "\(head.id)-\(name)")
    advisory.upstream = names
    // No alias: flaws that were mended together are not the same.
    if !isOfOne { advisory.related = [head.id] }
    advisory.modified = head.modified
    advisory.published = head.published
    return advisory
  }

  /// What was taken back finds nothing any more. Of whom a document without a publisher is nobody can say, nor which record it ends.
  private static func withdrawn(_ head: CSAFHead, _ vulnerabilities: [JSONValue]) -> [Advisory] {
    guard head.hasPublisher else { return [] }
    let all = vulnerabilities.isEmpty ? [[head.id]] : vulnerabilities.map { names($0) }
    return all.enumerated().map { index, names in
      var advisory = advisory(head, names, index)
      advisory.withdrawn = head.modified.isEmpty ? "withdrawn" : head.modified
      return advisory
    }
  }

  /// The CVE first. Numbers of trackers are no names of flaws.
  private static func names(_ vulnerability: JSONValue) -> [String] { CSAFStatements.names(vulnerability) }

  static func note(of vulnerability: JSONValue) -> JSONValue? {
    let notes = vulnerability["notes"]?.array ?? []
    return notes.first { $0["category"]?.string == "description" } ?? notes.first
  }

  private static func details(_ vulnerability: JSONValue) -> String? {
    note(of: vulnerability)?["text"]?.string.map {
      $0.utf8.count > OSVReader.detailsLimitBytes ? String($0.prefix(OSVReader.detailsLimitBytes / 4)) : $0
    }
  }

  private static func references(_ head: CSAFHead, _ vulnerability: JSONValue) -> [String] {
    let own = (vulnerability["references"]?.array ?? []).prefix(referenceLimit).compactMap { $0["url"]?.string }
    let updates = (vulnerability["remediations"]?.array ?? []).prefix(referenceLimit).compactMap { $0["url"]?.string }
    var seen: Set<String> = []
    return (head.references + updates + own).filter { seen.insert($0).inserted }
  }
}

/// What stands before the flaws of a document.
struct CSAFHead {
  let id: String
  let title: String?
  let vendor: CSAFVendor
  let hasPublisher: Bool
  let modified: String
  let published: String?
  let isWithdrawn: Bool
  /// The vendor's word for the whole document.
  let severity: String?
  /// The document itself.
  let references: [String]

  /// Nil for what is no CSAF: neither it nor a flaw in it has a name.
  init?(_ document: JSONValue) {
    guard let head = document["document"], head.object != nil else { return nil }
    let tracking = head["tracking"]
    let flaws = document["vulnerabilities"]?.array ?? []
    id = tracking?["id"]?.string ?? ""
    guard !id.isEmpty || (flaws.count == 1 && flaws[0]["cve"]?.string.map { !$0.isEmpty } ?? false) else { return nil }
    title = head["title"]?.string
    vendor = CSAFVendor(head["publisher"])
    hasPublisher = head["publisher"] != nil
    modified = tracking?["current_release_date"]?.string ?? ""
    published = tracking?["initial_release_date"]?.string
    let isTakenBack = ["csaf_withdrawn", "csaf_superseded"].contains(head["category"]?.string ?? "")
    isWithdrawn = isTakenBack || ["deleted", "withdrawn"].contains(tracking?["status"]?.string ?? "")
    severity = head["aggregate_severity"]?["text"]?.string
    let own = (head["references"]?.array ?? []).first { $0["category"]?.string == "self" }
    references = [own?["url"]?.string].compactMap { $0 }
  }
}

/// Whose document it is.
enum CSAFVendor: Hashable {
  case redHat
  case suse
  case other(String)

  init(_ publisher: JSONValue?) {
    let host =
      (publisher?["namespace"]?.string ?? "").split(separator: "/").dropFirst().first.map { $0.lowercased() } ?? ""
    func isOf(_ domain: String) -> Bool { host == domain || host.hasSuffix("." + domain) }
    if isOf("redhat.com") {
      self = .redHat
    } else if isOf("suse.com") || isOf("opensuse.org") {
      self = .suse
    } else {
      self = .other(publisher?["name"]?.string ?? "vendor")
    }
  }

  /// Before the name of a CVE.
  var prefix: String {
    switch self {
    case .redHat: "REDHAT"
    case .suse: "SUSE"
    case .other: "CSAF"
    }
  }

  /// Whose word a severity is.
  var name: String {
    switch self {
    case .redHat: "Red Hat"
    case .suse: "SUSE"
    case .other(let name): name
    }
  }
}
