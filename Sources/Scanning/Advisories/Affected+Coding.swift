// How what an advisory says of one package is kept.
extension Affected {
  private static let form: UInt64 = 1

  /// Everything but the ecosystem and the name, which stand beside it.
  public func encoded() -> [UInt8] {
    var writer = RecordWriter()
    return encoded(with: &writer)
  }

  /// As ``encoded()``, for many one after the other: what was in the writer goes.
  package func encoded(with writer: inout RecordWriter) -> [UInt8] {
    writer.clear()
    writer.add(Self.form)
    writer.add(state.rawValue)
    writer.add(ranges) { writer, range in
      writer.add(range.kind.rawValue)
      writer.add(range.events) { writer, event in
        switch event {
        case .introduced(let version): writer.add(0, version)
        case .fixed(let version): writer.add(1, version)
        case .lastAffected(let version): writer.add(2, version)
        case .limit(let version): writer.add(3, version)
        }
      }
    }
    writer.add(versions) { $0.add($1) }
    writer.add(severities) { writer, severity in
      writer.add(severity.source)
      writer.add(severity.text)
      writer.add(severity.band.rawValue)
      writer.add(severity.score != nil)
      if let score = severity.score { writer.add(Int((score * 10).rounded())) }
    }
    return writer.bytes.withUnsafeBufferPointer { Array($0) }
  }

  /// - Throws: ``RecordError`` for anything that ``encoded()`` has not written.
  public init(decoding bytes: [UInt8], ecosystem: Ecosystem, name: String) throws(RecordError) {
    self.init(ecosystem: ecosystem, name: name)
    var reader = RecordReader(bytes)
    guard try reader.number() == Self.form else { throw RecordError() }
    state = try reader.choice(State.self)
    ranges = try reader.list { (reader) throws(RecordError) in
      let kind = try reader.choice(AdvisoryRange.Kind.self)
      return AdvisoryRange(
        kind,
        try reader.list { (reader) throws(RecordError) in
          let (event, version) = (try reader.number(), try reader.text())
          switch event {
          case 0: return .introduced(version)
          case 1: return .fixed(version)
          case 2: return .lastAffected(version)
          case 3: return .limit(version)
          default: throw RecordError()
          }
        })
    }
    versions = try reader.list { (reader) throws(RecordError) in try reader.text() }
    severities = try reader.list { (reader) throws(RecordError) in
      let (source, text) = (try reader.text(), try reader.text())
      let band = try reader.choice(Severity.Band.self)
      let score = try reader.flag() ? Double(try reader.int()) / 10 : nil
      return Severity(source: source, text: text, band: band, score: score)
    }
    guard reader.isAtEnd else { throw RecordError() }
  }
}

extension RecordWriter {
  fileprivate mutating func add(_ number: UInt64, _ text: String) {
    add(number)
    add(text)
  }
}
