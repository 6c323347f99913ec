import Access
import Logging
import Synchronization
import Testing

@testable import berth

@Suite struct `What gives nothing any more` {
  private final class Lines: LogHandler, Sendable {
    let all = Mutex<[String]>([])
    var logLevel: Logger.Level {
      get { .trace }
      set {}
    }
    var metadata: Logger.Metadata {
      get { [:] }
      set {}
    }

    subscript(metadataKey _: String) -> Logger.MetadataValue? {
      get { nil }
      set {}
    }

    func log(event: LogEvent) {
      let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      all.withLock { $0.append("\(event.level) \(event.message) \(fields.joined(separator: " "))") }
    }
  }

  private func lines(_ idle: IdleAccess) -> [String] {
    let lines = Lines()
    idle.warn(Logger(label: "test") { _ in lines })
    return lines.all.withLock { $0 }
  }

  @Test func `is a warning of each kind with its number and its names, and none where there is nothing`() {
    #expect(lines(IdleAccess()).isEmpty)
    var idle = IdleAccess()
    idle.rules = ["web": 1, "acme": 2]
    idle.memberships = ["old": 7]
    let found = lines(idle)
    #expect(found.count == 2)
    #expect(found.first?.hasPrefix("warning trust rules take no jobs") ?? false)
    #expect(found.first?.hasSuffix("namespaces=acme web rules=3") ?? false, "\(found)")
    #expect(found.last?.hasSuffix("memberships=7 providers=old") ?? false, "\(found)")
  }

  @Test func `is told of as many namespaces as fit into a line`() {
    var idle = IdleAccess()
    for number in 0..<1000 { idle.rules["n\(1000 + number)"] = 1 }
    let found = lines(idle)
    #expect(found.count == 1 && found[0].contains("n1019 and 980 more rules=1000"), "\(found)")
    #expect(!found[0].contains("n1020"))
  }
}
