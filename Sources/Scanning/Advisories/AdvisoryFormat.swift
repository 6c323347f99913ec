public import OCI

/// A format in which advisories, or what is known beside them, are published.
public enum AdvisoryFormat: String, Sendable, Hashable, CaseIterable {
  /// Records of OSV: an archive, a folder, lines.
  case osv
  /// Security fixes of Alpine, Wolfi, Chainguard.
  case secdb
  /// Debian's security tracker, with what is not mended.
  case debian
  /// Red Hat's and SUSE's documents of CSAF, VEX and advisories, with what is not mended.
  case csaf
  /// CISA's catalogue of exploited vulnerabilities.
  case kev
  /// How likely vulnerabilities are to be exploited.
  case epss

  /// One thing that a file says.
  public enum Item: Sendable {
    case advisory(Advisory)
    case exploited(ExploitEntry)
    case score(ExploitScore)
  }

  /// Calls `body` with everything that a file, or a folder of them, says.
  ///
  /// - Throws: ``RecordFiles/Failure`` with the place of what cannot be read, or what `body` throws.
  public func each(at path: String, _ body: (Item) throws -> Void) throws {
    var position = 0
    func read(_ bytes: UnsafeRawBufferPointer) throws {
      position += 1
      let items: [Item]
      do throws(ParseError) { items = try self.items(bytes) } catch {
        throw RecordFiles.Failure(description: "\(path): record \(position): \(error.message)")
      }
      for item in items { try body(item) }
    }
    switch self {
    case .debian:
      // One document has all of it, and need not be in memory as advisories too.
      try RecordFiles.whole(at: path, limitBytes: DebianTrackerReader.limitBytes) { document in
        do {
          try DebianTrackerReader.each(document) { for advisory in $0 { try body(.advisory(advisory)) } }
        } catch let error as ParseError {
          throw RecordFiles.Failure(description: "\(path): record 1: \(error.message)")
        }
      }
    case .kev where !path.hasSuffix("l") && !path.contains(".jsonl"): try RecordFiles.whole(at: path, read)
    default: try RecordFiles.each(at: path, limitBytes: recordLimitBytes, read)
    }
  }

  /// Of one record.
  public var recordLimitBytes: Int { self == .csaf ? CSAFReader.documentLimitBytes : OSVReader.recordLimitBytes }

  /// What one record says: a line or a document.
  public func items(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> [Item] {
    switch self {
    case .osv: return [.advisory(try OSVReader.advisory(bytes))]
    case .secdb: return try SecDBReader.advisories(try JSONValue.parse(bytes)).map { .advisory($0) }
    case .debian: return try DebianTrackerReader.advisories(bytes).map { .advisory($0) }
    case .csaf: return try CSAFReader.advisories(bytes).map { .advisory($0) }
    case .kev: return try ExploitEntry.entries(try JSONValue.parse(bytes)).map { .exploited($0) }
    case .epss: return try ExploitScore.score(bytes).map { [.score($0)] } ?? []
    }
  }

  /// What a record of OSV, a document of CSAF, a file of secdb or an advisory of Node.js says, whichever it is.
  ///
  /// - Throws: ``ParseError`` for what is none of them.
  public static func recognised(_ bytes: UnsafeRawBufferPointer) throws(ParseError) -> [Advisory] {
    guard bytes.count <= CSAFReader.documentLimitBytes else {
      throw ParseError(.json, "a record has more than \(CSAFReader.documentLimitBytes) bytes")
    }
    let value = try CSAFReader.value(bytes)
    if CSAFReader.recognises(value) { return try CSAFReader.advisories(value) }
    if NodeAdvisoryReader.recognises(value) { return [try NodeAdvisoryReader.advisory(value)] }
    if SecDBReader.recognises(value) { return try SecDBReader.advisories(value) }
    return [try OSVReader.advisory(value)]
  }

  /// Whether a record is whole, and claims to be no advisory: such may lie beside those that are.
  public static func isOther(_ bytes: UnsafeRawBufferPointer) -> Bool {
    do throws(ParseError) {
      let value = try JSONValue.parse(bytes)
      return value.object != nil && value["id"] == nil && value["document"] == nil
    } catch { return false }
  }
}
