import ArgumentParser
import OCI
import RegistryCore

/// What a command is to fail on: a severity, or a kind of file.
enum FailCondition: ExpressibleByArgument {
  case severity(SeverityName)
  case notice(NoticeKind)

  init?(argument: String) {
    if let severity = SeverityName(argument: argument) {
      self = .severity(severity)
    } else if let kind = NoticeKind(rawValue: argument) {
      self = .notice(kind)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] { SeverityName.allValueStrings + NoticeKind.allCases.map(\.rawValue) }
}

/// Files that are findings of their own kind. What is in them is never told.
enum NoticeKind: String, CaseIterable {
  case secret
  case setUserID = "setuid"
  case worldWritable = "world-writable"

  /// Nil: what was noticed is no finding.
  static func of(_ notice: JSONValue) -> NoticeKind? { NoticeKind(rawValue: notice["kind"]?.string ?? "") }

  var title: String {
    switch self {
    case .secret: "a private key or credential"
    case .setUserID: "a file with the set-user-ID or set-group-ID bit"
    case .worldWritable: "a file that everybody may write"
    }
  }
}

/// A severity on the command line.
struct SeverityName: ExpressibleByArgument, Comparable {
  let rank: Int

  init?(argument: String) {
    guard let rank = ImageFinding.severities.firstIndex(of: argument) else { return nil }
    self.rank = rank
  }

  private init(rank: Int) { self.rank = rank }

  static func of(_ finding: JSONValue) -> SeverityName {
    SeverityName(rank: ImageFinding.severities.firstIndex(of: finding["severity"]?.string ?? "") ?? 0)
  }

  static func < (a: SeverityName, b: SeverityName) -> Bool { a.rank < b.rank }
  static var allValueStrings: [String] { ImageFinding.severities }
}
