import CYAML

/// Reads one YAML document into nodes, by the events of libyaml.
///
/// Anchors, aliases, tags and directives are refused and nesting is limited, so that the result is never larger than
/// its text.
struct YAMLParser: ~Copyable {
  /// Settings are three levels deep.
  static let depthLimit = 16

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>
  private(set) var problems: [YAMLProblem] = []
  /// Problems beyond this are dropped; the caller reports no more than as many.
  private let problemLimit = ConfigurationErrors.limit + 1

  /// - Returns: the document, `nil` when there is none, and what had to be refused in it.
  /// - Throws: the place where the text stops being YAML or UTF-8.
  static func parse(_ bytes: [UInt8]) throws(YAMLProblem) -> (root: YAMLNode?, problems: [YAMLProblem]) {
    if let mark = firstInvalidPlace(in: bytes) {
      throw YAMLProblem(mark: mark, message: "is not valid UTF-8 from here on")
    }
    // libyaml compares every directive with all before it, so that a file full of them would keep it busy for long.
    if let offset = firstDirective(in: bytes) {
      let mark = bytes.withUnsafeBufferPointer { TextMark(offset: offset, in: $0) }
      throw YAMLProblem(mark: mark, message: "directives (%name) are not supported")
    }
    var parser = YAMLParser(bytes)
    let root = try parser.document()
    return (root, parser.problems)
  }

  private init(_ bytes: [UInt8]) {
    // The parser keeps pointers to itself and to the text: both stay where they are until `deinit`.
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    input = .allocate(capacity: max(1, bytes.count))
    _ = input.initialize(from: bytes)
    precondition(yaml_parser_initialize(parser) == 1, "out of memory")
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    input.deallocate()
  }

  private mutating func document() throws(YAMLProblem) -> YAMLNode? {
    _ = try next()  // the start of the stream
    guard case .documentStart = try next().kind else { return nil }
    let root = try node(after: try next(), depth: 0)
    _ = try next()  // the end of the document
    let end = try next()
    if case .documentStart = end.kind {
      refuse(end.mark, "a second document begins here; the file may hold only one")
    }
    return root
  }

  private mutating func node(after event: Event, depth: Int) throws(YAMLProblem) -> YAMLNode {
    guard depth < Self.depthLimit else {
      throw YAMLProblem(mark: event.mark, message: "is nested more than \(Self.depthLimit) levels deep")
    }
    if event.hasAnchor { refuse(event.mark, "anchors (&name) are not supported; write the value itself") }
    if event.hasTag { refuse(event.mark, "tags (!name) are not supported") }
    switch event.kind {
    case .scalar(let scalar):
      return YAMLNode(mark: event.mark, content: .scalar(scalar))
    case .sequenceStart:
      var elements: [YAMLNode] = []
      while true {
        let inner = try next()
        if case .sequenceEnd = inner.kind { return YAMLNode(mark: event.mark, content: .sequence(elements)) }
        elements.append(try node(after: inner, depth: depth + 1))
      }
    case .mappingStart:
      var members: [(key: YAMLNode, value: YAMLNode)] = []
      while true {
        let inner = try next()
        if case .mappingEnd = inner.kind { return YAMLNode(mark: event.mark, content: .mapping(members)) }
        let key = try node(after: inner, depth: depth + 1)
        members.append((key, try node(after: try next(), depth: depth + 1)))
      }
    case .alias:
      refuse(event.mark, "aliases (*name) are not supported; write the value itself")
      return YAMLNode(mark: event.mark, content: .refused)
    case .documentStart, .sequenceEnd, .mappingEnd, .other:
      preconditionFailure("libyaml's events follow its grammar")
    }
  }

  private mutating func refuse(_ mark: TextMark, _ message: String) {
    if problems.count < problemLimit { problems.append(YAMLProblem(mark: mark, message: message)) }
  }
}

extension YAMLParser {
  private struct Event {
    enum Kind {
      case documentStart
      case scalar(YAMLScalar)
      case alias, sequenceStart, sequenceEnd, mappingStart, mappingEnd, other
    }
    let kind: Kind
    let mark: TextMark
    var hasAnchor = false
    var hasTag = false
  }

  private func next() throws(YAMLProblem) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxProblem() }
    defer { yaml_event_delete(&event) }
    let mark = TextMark(event.start_mark)
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, mark: mark)
    case YAML_ALIAS_EVENT: return Event(kind: .alias, mark: mark)
    case YAML_SEQUENCE_END_EVENT: return Event(kind: .sequenceEnd, mark: mark)
    case YAML_MAPPING_END_EVENT: return Event(kind: .mappingEnd, mark: mark)
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return Event(
        kind: .scalar(YAMLScalar(text: text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)), mark: mark,
        hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return Event(kind: .sequenceStart, mark: mark, hasAnchor: start.anchor != nil, hasTag: start.tag != nil)
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return Event(kind: .mappingStart, mark: mark, hasAnchor: start.anchor != nil, hasTag: start.tag != nil)
    default: return Event(kind: .other, mark: mark)
    }
  }

  private func syntaxProblem() -> YAMLProblem {
    let reason = parser.pointee.problem.map { String(cString: $0) } ?? "out of memory"
    // The reader of characters knows only an offset; the scanner and the parser know line and column.
    if parser.pointee.error == YAML_READER_ERROR {
      let mark = TextMark(offset: parser.pointee.problem_offset, in: UnsafeBufferPointer(input))
      return YAMLProblem(mark: mark, message: "is not valid YAML: \(reason)")
    }
    let context = parser.pointee.context.map {
      " \(String(cString: $0)) that begins on line \(parser.pointee.context_mark.line + 1)"
    }
    return YAMLProblem(
      mark: TextMark(parser.pointee.problem_mark),
      message: "is not valid YAML: \(reason)\(context.map { "," + $0 } ?? "")")
  }

  private static func firstDirective(in bytes: [UInt8]) -> Int? {
    bytes.indices.first { place in
      bytes[place] == UInt8(ascii: "%") && (place == 0 || bytes[place - 1] == 0x0a || bytes[place - 1] == 0x0d)
    }
  }

  private static func firstInvalidPlace(in bytes: [UInt8]) -> TextMark? {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var (line, column) = (1, 1)
    while true {
      switch decoder.decode(&iterator) {
      case .emptyInput: return nil
      case .error: return TextMark(line: line, column: column)
      case .scalarValue("\n"): (line, column) = (line + 1, 1)
      case .scalarValue: column += 1
      }
    }
  }
}

extension TextMark {
  fileprivate init(_ mark: yaml_mark_t) {
    self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  fileprivate init(offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
    let before = bytes.prefix(offset)
    let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let isStart = { (byte: UInt8) in byte & 0xc0 != 0x80 }
    self.init(
      line: before.count { $0 == UInt8(ascii: "\n") } + 1, column: before[lineStart...].count(where: isStart) + 1)
  }
}
