import Ground
import Logging
import Synchronization

/// Writes log messages as lines: text for a person, JSON for a machine.
struct LineLogHandler: LogHandler {
  /// What all handlers share, so that a reload can change the level.
  final class Output: Sendable {
    let writer: LineWriter
    let isJSON: Bool
    private let leastLevel: Mutex<Logger.Level>

    init(writer: LineWriter, isJSON: Bool, level: Logger.Level) {
      self.writer = writer
      self.isJSON = isJSON
      leastLevel = Mutex(level)
    }

    var level: Logger.Level {
      get { leastLevel.withLock { $0 } }
      set { leastLevel.withLock { $0 = newValue } }
    }
  }

  let output: Output
  var metadata: Logger.Metadata = [:]

  var logLevel: Logger.Level {
    get { output.level }
    set {}
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let now = SystemTime().now
    output.writer.line { line in
      if output.isJSON {
        line += Array("{\"time\":\"\(now)\",\"level\":\"\(event.level)\",\"message\":".utf8)
        append(quoted: "\(event.message)", to: &line)
        for (key, value) in all {
          line.append(UInt8(ascii: ","))
          append(quoted: key, to: &line)
          line.append(UInt8(ascii: ":"))
          append(quoted: "\(value)", to: &line)
        }
        line.append(UInt8(ascii: "}"))
      } else {
        line += Array("\(now) \(event.level) \(event.message)".utf8)
        for (key, value) in all {
          line += Array(" \(key)=".utf8)
          append(quoted: "\(value)", to: &line)
        }
      }
    }
  }

  /// What others chose may stand in a value: nothing in it ends the line, or moves a terminal's cursor.
  private func append(quoted text: String, to line: inout [UInt8]) {
    line.append(0x22)
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" {
        line += [0x5C, UInt8(ascii: scalar)]
      } else if PlainText.isControl(scalar) {
        let digits = String(scalar.value, radix: 16)
        line += Array("\\u\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)".utf8)
      } else {
        line += UTF8.encode(scalar).map(Array.init) ?? []
      }
    }
    line.append(0x22)
  }
}
