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

  private func append(quoted text: String, to line: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    line.append(0x22)
    for byte in text.utf8 {
      switch byte {
      case 0x22, 0x5C: line += [0x5C, byte]
      case 0..<0x20, 0x7F: line += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: line.append(byte)
      }
    }
    line.append(0x22)
  }
}
