internal import Metadata
internal import Scanning

// How records wait on disk between being read and being written.
extension AdvisoryRecord {
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
