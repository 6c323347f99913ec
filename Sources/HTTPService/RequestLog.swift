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
    func add(_ text: String) { line.append(contentsOf: text.utf8) }
    now.write(into: &line)
    add(" ")
    if let request = record.request {
      add("\(request.peer.text) ")
      escape(request.method.rawValue, &line)
      add(" ")
      escape(request.path, &line)
      add(
        " \(record.status) in=\(record.bytesIn) out=\(record.bytesOut) ms=\(milliseconds(record.nanoseconds)) id=\(request.id)"
      )
      if let agent = request.header("user-agent") {
        add(" agent=\"")
        escape(agent, &line)
        add("\"")
      }
    } else {
      add("- refused \(record.status)")
    }
    if record.wasCutShort { add(" cut-short") }
    if let note = record.note {
      add(" note=\"")
      escape(note, &line)
      add("\"")
    }
  }

  private static func json(_ record: RequestRecord, _ now: Timestamp, _ line: inout [UInt8]) {
    func add(_ text: String) { line.append(contentsOf: text.utf8) }
    func field(_ name: String, _ value: String) {
      add(",\"\(name)\":\"")
      escape(value, &line)
      add("\"")
    }
    add("{\"time\":\"")
    now.write(into: &line)
    add("\",\"level\":\"info\",\"message\":\"request\",\"status\":\(record.status)")
    add(",\"bytesIn\":\(record.bytesIn),\"bytesOut\":\(record.bytesOut),\"ms\":\(milliseconds(record.nanoseconds))")
    if let request = record.request {
      field("id", request.id)
      field("client", request.peer.text)
      field("method", request.method.rawValue)
      field("path", request.path)
      field("route", "\(Route(path: request.path))")
      if let agent = request.header("user-agent") { field("agent", agent) }
    }
    if record.wasCutShort { add(",\"cutShort\":true") }
    if let note = record.note { field("note", note) }
    add("}")
  }

  private static func milliseconds(_ nanoseconds: Int64) -> String {
    let microseconds = max(0, nanoseconds / 1000)
    let fraction = String(microseconds % 1000)
    return "\(microseconds / 1000)." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
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
