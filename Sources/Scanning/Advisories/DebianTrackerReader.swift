public import OCI

/// Reads what Debian's security tracker says: also of flaws that are not mended, and whether they will be.
///
/// Source: security-tracker.debian.org/tracker/data/json, source package → CVE → `releases` → `status`, `fixed_version`, `urgency`,
/// `nodsa`, `nodsa_reason`.
public enum DebianTrackerReader {
  /// Of the whole file, which has some sixty megabytes.
  public static let limitBytes = 512 << 20

  /// - Parameter document: the file, or some of its members.
  /// - Returns: an advisory for each flaw of each source package that a release has, or had.
  /// - Throws: kind `.json` for what is no such document.
  public static func advisories(_ document: UnsafeRawBufferPointer) throws(ParseError) -> [Advisory] {
    var found: [Advisory] = []
    try members(of: document) { (name, value) throws(ParseError) in found += advisories(of: name, value) }
    return found
  }

  /// Calls `body` with the advisories of one source package after the other, so that they need not all be in memory.
  ///
  /// - Throws: as ``advisories(_:)``, or what `body` throws.
  static func each(_ document: UnsafeRawBufferPointer, _ body: ([Advisory]) throws -> Void) throws {
    try eachMember(of: document) { try body(advisories(of: $0, $1)) }
  }

  /// Calls `body` with the document as one of its own for each source package, a line each, and how many advisories it has.
  ///
  /// - Throws: as ``advisories(_:)``, or what `body` throws.
  public static func eachLine(
    _ document: UnsafeRawBufferPointer, _ body: (_ line: [UInt8], _ advisoryCount: Int) throws -> Void
  ) throws {
    try eachMember(of: document) { name, value in
      let one = JSONValue.object(JSONObject([.init(key: name, value: value)])).bytes
      try body(one + [UInt8(ascii: "\n")], advisories(of: name, value).count)
    }
  }

  private static func eachMember(
    of document: UnsafeRawBufferPointer, _ body: (String, JSONValue) throws -> Void
  ) throws {
    var failure: (any Error)?
    do throws(ParseError) {
      try members(of: document) { (name, value) throws(ParseError) in
        do { try body(name, value) } catch {
          failure = error
          throw ParseError(.json, "nobody reads on")
        }
      }
    } catch {
      throw failure ?? error
    }
  }

  private static func advisories(of package: String, _ flaws: JSONValue) -> [Advisory] {
    (flaws.object?.members ?? []).compactMap { flaw in
      // Names of its own are for flaws that have none yet, and change.
      guard flaw.key.hasPrefix("CVE-") else { return nil }
      let affected = (flaw.value["releases"]?.object?.members ?? []).compactMap { Self.affected(package, $0) }
      guard !affected.isEmpty else { return nil }
      var advisory = Advisory(id: "DEBIAN-\(flaw.key)-\(package)")
      advisory.upstream = [flaw.key]
      advisory.summary = flaw.value["description"]?.string
      advisory.affected = affected
      return advisory
    }
  }

  static let releases: [String: String] = [
    "wheezy": "7", "jessie": "8", "stretch": "9", "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13",
    "forky": "14",
  ]

  /// Nil: the release does not have the flaw, or nobody knows.
  private static func affected(_ package: String, _ release: JSONObject.Member) -> Affected? {
    guard let major = releases[release.key], let status = release.value["status"]?.string else { return nil }
    let urgency = release.value["urgency"]?.string ?? ""
    var affected = Affected(ecosystem: Ecosystem("Debian", release: major), name: package)
    var events: [AdvisoryRange.Event] = [.introduced("0")]
    switch status {
    case "resolved":
      guard let fixed = release.value["fixed_version"]?.string, !fixed.isEmpty, fixed != "0" else { return nil }
      events.append(.fixed(fixed))
    case "open":
      switch release.value["nodsa_reason"]?.string {
      case "ignored": affected.state = .willNotFix
      case "postponed": affected.state = .deferred
      default: affected.state = urgency.hasPrefix("end-of-life") ? .endOfLife : .affected
      }
    default: return nil
    }
    affected.ranges = [AdvisoryRange(.ecosystem, events)]
    if let band = band(urgency) { affected.severities = [Severity(source: "Debian", text: urgency, band: band)] }
    return affected
  }

  private static func band(_ urgency: String) -> Severity.Band? {
    // `low**`: as somebody guessed.
    switch urgency.prefix(while: { $0 != "*" }) {
    case "unimportant": .negligible
    case "low": .low
    case "medium": .medium
    case "high": .high
    default: nil
    }
  }

  /// The members of an object one after the other, so that not all of a large document need be in memory as values.
  static func members(
    of document: UnsafeRawBufferPointer, _ body: (String, JSONValue) throws(ParseError) -> Void
  ) throws(ParseError) {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
    var position = document.firstIndex { !isSpace($0) } ?? document.count
    func skipSpaces() { while position < document.count, isSpace(document[position]) { position += 1 } }
    func broken() -> ParseError { ParseError(.json, "the document breaks off, or is no object, at byte \(position)") }
    guard position < document.count, document[position] == UInt8(ascii: "{") else { throw broken() }
    position += 1
    skipSpaces()
    if position < document.count, document[position] == UInt8(ascii: "}") { return }
    while true {
      skipSpaces()
      guard let nameEnd = end(ofValueIn: document, at: position), document[position] == UInt8(ascii: "\"") else {
        throw broken()
      }
      let name = try JSONValue.parse(UnsafeRawBufferPointer(rebasing: document[position..<nameEnd])).string ?? ""
      position = nameEnd
      skipSpaces()
      guard position < document.count, document[position] == UInt8(ascii: ":") else { throw broken() }
      position += 1
      skipSpaces()
      guard let valueEnd = end(ofValueIn: document, at: position) else { throw broken() }
      try body(
        name, try JSONValue.parse(UnsafeRawBufferPointer(rebasing: document[position..<valueEnd]), depthLimit: 16))
      position = valueEnd
      skipSpaces()
      guard position < document.count else { throw broken() }
      if document[position] == UInt8(ascii: "}") { return }
      guard document[position] == UInt8(ascii: ",") else { throw broken() }
      position += 1
    }
  }

  /// Where a text, object or list ends that begins here; nil for anything else. What is in it is looked at by who parses it.
  private static func end(ofValueIn document: UnsafeRawBufferPointer, at start: Int) -> Int? {
    var position = start
    var depth = 0
    while position < document.count {
      switch document[position] {
      case UInt8(ascii: "\""):
        position += 1
        while position < document.count, document[position] != UInt8(ascii: "\"") {
          position += document[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard position < document.count else { return nil }
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: if depth == 0 { return nil }
      }
      position += 1
      if depth <= 0 { return depth == 0 ? position : nil }
    }
    return nil
  }
}
