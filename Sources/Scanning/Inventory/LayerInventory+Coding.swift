// How a layer's inventory is kept, and how it comes from the process that read it.
extension LayerInventory {
  /// Counted on with every change of the form: what has another number is read again.
  private static let form: UInt64 = 2

  public func encoded() -> [UInt8] {
    var writer = RecordWriter()
    writer.add(Self.form)
    writer.add(revision)
    writer.add(artefacts) { $1.encode(to: &$0) }
    writer.add(whiteouts) { writer, whiteout in
      writer.add(whiteout.kind.rawValue)
      writer.add(whiteout.path)
    }
    writer.add(directoryLinks) { writer, link in
      writer.add(link.path)
      writer.add(link.target)
    }
    writer.add(replacements) { $0.add($1) }
    writer.add(notices) { writer, notice in
      writer.add(notice.kind.rawValue)
      writer.add(notice.path)
      writer.add(notice.detail)
    }
    writer.add(figures.entryCount)
    writer.add(figures.fileCount)
    writer.add(UInt64(clamping: figures.uncompressedBytes))
    writer.add(figures.unlistedCount)
    return writer.bytes
  }

  /// - Throws: ``RecordError`` for anything that ``encoded()`` has not written.
  public init(decoding bytes: [UInt8]) throws(RecordError) {
    var reader = RecordReader(bytes)
    guard try reader.number() == Self.form else { throw RecordError() }
    self.init(revision: try reader.int())
    artefacts = try reader.list { (reader) throws(RecordError) in try Artefact(from: &reader) }
    whiteouts = try reader.list { (reader) throws(RecordError) in
      Whiteout(try reader.choice(Whiteout.Kind.self), try reader.text())
    }
    directoryLinks = try reader.list { (reader) throws(RecordError) in
      DirectoryLink(path: try reader.text(), target: try reader.text())
    }
    replacements = try reader.list { (reader) throws(RecordError) in try reader.text() }
    notices = try reader.list { (reader) throws(RecordError) in
      Notice(try reader.choice(Notice.Kind.self), path: try reader.text(), detail: try reader.text())
    }
    figures.entryCount = try reader.int()
    figures.fileCount = try reader.int()
    figures.uncompressedBytes = try reader.int64()
    figures.unlistedCount = try reader.int()
    guard reader.isAtEnd else { throw RecordError() }
  }
}

extension Artefact {
  fileprivate func encode(to writer: inout RecordWriter) {
    writer.add(path)
    writer.add(cataloguer)
    writer.add(components) { $1.encode(to: &$0) }
    writer.add(distribution != nil)
    distribution?.encode(to: &writer)
    writer.add(ownedPaths) { $0.add($1) }
    writer.add(ownerName)
    writer.add(pathOwners) { $0.add($1) }
  }

  fileprivate init(from reader: inout RecordReader) throws(RecordError) {
    self.init(path: try reader.text(), cataloguer: try reader.text())
    components = try reader.list { (reader) throws(RecordError) in try Component(from: &reader) }
    if try reader.flag() { distribution = try Distribution(from: &reader) }
    ownedPaths = try reader.list { (reader) throws(RecordError) in try reader.text() }
    ownerName = try reader.optionalText()
    pathOwners = try reader.list { (reader) throws(RecordError) in try reader.int() }
  }
}

extension Component {
  fileprivate func encode(to writer: inout RecordWriter) {
    writer.add(type.rawValue)
    writer.add(name)
    writer.add(version)
    writer.add(source?.name)
    writer.add(source?.version)
    writer.add(architecture)
    writer.add(module)
    writer.add(vendor)
    writer.add(licenses) { $0.add($1) }
    writer.add(isHeadersOnly)
  }

  fileprivate init(from reader: inout RecordReader) throws(RecordError) {
    self.init(try reader.choice(PackageType.self), name: try reader.text(), version: try reader.text())
    let (name, version) = (try reader.optionalText(), try reader.optionalText())
    if let name, let version { source = Source(name: name, version: version) }
    architecture = try reader.optionalText()
    module = try reader.optionalText()
    vendor = try reader.optionalText()
    licenses = try reader.list { (reader) throws(RecordError) in try reader.text() }
    isHeadersOnly = try reader.flag()
  }
}

extension Distribution {
  fileprivate func encode(to writer: inout RecordWriter) {
    writer.add(id)
    writer.add(versionID)
    writer.add(codename)
    writer.add(idLike) { $0.add($1) }
    writer.add(cpeName)
    writer.add(prettyName)
    writer.add(services) { $0.add($1) }
  }

  fileprivate init(from reader: inout RecordReader) throws(RecordError) {
    self.init(id: try reader.text(), versionID: try reader.text())
    codename = try reader.optionalText()
    idLike = try reader.list { (reader) throws(RecordError) in try reader.text() }
    cpeName = try reader.optionalText()
    prettyName = try reader.optionalText()
    services = try reader.list { (reader) throws(RecordError) in try reader.text() }
  }
}
