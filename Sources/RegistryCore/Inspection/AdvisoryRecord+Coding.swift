internal import Metadata
internal import Scanning

/// A record as it waits, on disk or in memory, between being read and being written: most are as they were, and then nobody asks for
/// more than the head.
struct StagedAdvisory: Sendable {
  let head: AdvisoryHead
  private let bytes: [UInt8]

  init(_ advisory: Advisory) {
    let record = AdvisoryRecord(advisory)
    head = AdvisoryHead(name: record.name, hash: record.hash, modified: record.modified)
    var writer = RecordWriter()
    record.encode(into: &writer)
    bytes = writer.bytes
  }

  /// - Throws: ``RecordError`` for what does not begin as a record that was encoded.
  init(decoding bytes: [UInt8]) throws(RecordError) {
    var reader = RecordReader(bytes)
    head = AdvisoryHead(name: try reader.text(), hash: try reader.text(), modified: try reader.text())
    self.bytes = bytes
  }

  var sizeBytes: Int { bytes.count }

  /// - Throws: ``RecordError`` for anything that ``AdvisoryRecord/encode(into:)`` has not written.
  func record() throws(RecordError) -> AdvisoryRecord { try AdvisoryRecord(decoding: bytes) }
}

extension AdvisoryRecord {
  /// Begins with what ``AdvisoryHead`` has.
  func encode(into writer: inout RecordWriter) {
    for text in [name, hash, modified, summary, severity, severitySource, content] { writer.add(text) }
    writer.add(published)
    writer.add(isWithdrawn)
    writer.add(score != nil)
    if let score { writer.add(score) }
    writer.add(aliases) { $0.add($1) }
    writer.add(packages) { writer, entry in
      writer.add(entry.ecosystem)
      writer.add(entry.package)
      writer.add(entry.content)
    }
  }

  /// - Throws: ``RecordError`` for anything that ``encode(into:)`` has not written.
  init(decoding bytes: [UInt8]) throws(RecordError) {
    var reader = RecordReader(bytes)
    let (name, hash, modified) = (try reader.text(), try reader.text(), try reader.text())
    let (summary, severity, source) = (try reader.text(), try reader.text(), try reader.text())
    let (content, published) = (try reader.text(), try reader.optionalText())
    let isWithdrawn = try reader.flag()
    let score = try reader.flag() ? try reader.int() : nil
    let aliases = try reader.list { (reader) throws(RecordError) in try reader.text() }
    let packages = try reader.list { (reader) throws(RecordError) in
      Entry(ecosystem: try reader.text(), package: try reader.text(), content: try reader.raw())
    }
    guard reader.isAtEnd else { throw RecordError() }
    self.init(
      name: name, hash: hash, modified: modified, published: published, isWithdrawn: isWithdrawn, summary: summary,
      severity: severity, severitySource: source, score: score, content: content, aliases: aliases, packages: packages)
  }
}
