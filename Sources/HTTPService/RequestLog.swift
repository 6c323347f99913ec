public import Ground
import NIOHTTP1

/// One line a request: text for a person, JSON for a machine. What a client sent is escaped.
public final class RequestLog: Sendable {
  public enum Format: Sendable { case text, json }

  private let writer: LineWriter
  private let format: Format
  private let time: any TimeSource

  public init(writer: LineWriter, format: Format, time: any TimeSource = SystemTime()) {
    self.writer = writer
    self.format = format
    self.time = time
  }

  func write(_ record: RequestRecord) {
    let now = time.now
    writer.line { line in
      switch format {
      case .text: Self.text(record, now, &line)
      case .json: Self.json(record, now, &line)
      }
    }
  }

  /// A path or an agent longer than this is cut.
  private static let textLimitBytes = 512

  private static func text(_ record: RequestRecord, _ now: Timestamp, _ line: inout [UInt8]) {
    now.write(into: &line)
    add(" ", &line)
    if let request = record.request {
      add(request.peer.text, &line)
      add(" ", &line)
      escape(request.method.rawValue, &line)
      add(" ", &line)
      escape(request.path, &line)
      add(" ", &line)
      add(Int64(record.status), &line)
      add(" in=", &line)
      add(record.bytesIn, &line)
      add(" out=", &line)
      add(record.bytesOut, &line)
      add(" ms=", &line)
      addMilliseconds(record.nanoseconds, &line)
      add(" id=", &line)
      add(request.id, &line)
      if let agent = request.header("user-agent") {
        add(" agent=\"", &line)
        escape(agent, &line)
        add("\"", &line)
      }
    } else {
      add("- refused ", &line)
      add(Int64(record.status), &line)
    }
    if record.wasCutShort { add(" cut-short", &line) }
    if let note = record.note {
      add(" note=\"", &line)
      escape(note, &line)
      add("\"", &line)
    }
  }

  private static func json(_ record: RequestRecord, _ now: Timestamp, _ line: inout [UInt8]) {
    func field(_ name: StaticString, _ value: String) {
      add(name, &line)
      escape(value, &line)
      add("\"", &line)
    }
    add("{\"time\":\"", &line)
    now.write(into: &line)
    add("\",\"level\":\"info\",\"message\":\"request\",\"status\":", &line)
    add(Int64(record.status), &line)
    add(",\"bytesIn\":", &line)
    add(record.bytesIn, &line)
    add(",\"bytesOut\":", &line)
    add(record.bytesOut, &line)
    add(",\"ms\":", &line)
    addMilliseconds(record.nanoseconds, &line)
    if let request = record.request {
      field(",\"id\":\"", request.id)
      field(",\"client\":\"", request.peer.text)
      field(",\"method\":\"", request.method.rawValue)
      field(",\"path\":\"", request.path)
      field(",\"route\":\"", record.route.name)
      if let agent = request.header("user-agent") { field(",\"agent\":\"", agent) }
    }
    if record.wasCutShort { add(",\"cutShort\":true", &line) }
    if let note = record.note { field(",\"note\":\"", note) }
    add("}", &line)
  }

  // A line is made while the next request waits: no string is made on the way that is not there already.

  private static func add(_ text: StaticString, _ line: inout [UInt8]) {
    line.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private static func add(_ text: String, _ line: inout [UInt8]) {
    var text = text
    text.withUTF8 { line.append(contentsOf: $0) }
  }

  /// A number in decimal; negative ones too.
  private static func add(_ number: Int64, _ line: inout [UInt8]) {
    if number < 0 { line.append(UInt8(ascii: "-")) }
    let first = line.count
    var rest = number.magnitude
    repeat {
      line.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    line[first...].reverse()
  }

  private static func addMilliseconds(_ nanoseconds: Int64, _ line: inout [UInt8]) {
    let microseconds = max(0, nanoseconds / 1000)
    add(microseconds / 1000, &line)
    line.append(UInt8(ascii: "."))
    for divisor: Int64 in [100, 10, 1] { line.append(UInt8(ascii: "0") + UInt8(microseconds / divisor % 10)) }
  }

  /// Nothing of a client's text can end a line, a string or a terminal's mood.
  static func escape(_ text: String, _ line: inout [UInt8]) {
    var text = text
    text.withUTF8 { utf8 in
      let shown = UnsafeBufferPointer(rebasing: utf8.prefix(textLimitBytes))
      if shown.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
        line.append(contentsOf: shown)
      } else {
        escape(bytes: shown, &line)
      }
    }
  }

  private static func escape(bytes: UnsafeBufferPointer<UInt8>, _ line: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    for byte in bytes {
      switch byte {
      case 0x22, 0x5C: line += [0x5C, byte]
      case 0x20..<0x7F: line.append(byte)
      default: line += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
  }
}
