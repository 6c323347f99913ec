public import Ground
internal import Metadata

/// What a policy sees of an image.
public struct PolicyFacts: Sendable {
  /// Why it was not read, or cannot be judged; nil: it can.
  public var unscanned: String?
  /// What is said of its distribution when that gets no updates any more.
  public var endOfLife: String?
  public var findings: [ImageFinding] = []
  /// Files with secrets, `path (kind)`.
  public var secrets: [String] = []
  public var now: Timestamp

  public init(now: Timestamp) { self.now = now }
}

/// Why a policy refuses an image, or warns of it.
public struct PolicyReason: Sendable, Hashable {
  /// A short name for programs: `severity`, `exploited`, `epss`, `unscanned`, `end-of-life`, `secret`.
  public let rule: String
  public let message: String
}

/// What a policy says of an image.
public struct PolicyVerdict: Sendable, Hashable {
  public var blocks: [PolicyReason] = []
  public var warnings: [PolicyReason] = []

  public init() {}

  public init(_ policy: FindingPolicy, _ facts: PolicyFacts) {
    blocks = policy.block.reasons(facts)
    let known = Set(blocks)
    warnings = policy.warn.reasons(facts).filter { !known.contains($0) }
  }
}

extension FindingPolicy.Conditions {
  /// Of findings that many are named; how many more there are is told.
  static let namedLimit = 3

  /// Everything for which an image falls under these conditions.
  func reasons(_ facts: PolicyFacts) -> [PolicyReason] {
    var reasons: [PolicyReason] = []
    if isUnscanned, let why = facts.unscanned { reasons.append(.init(rule: "unscanned", message: why)) }
    if isEndOfLife, let why = facts.endOfLife { reasons.append(.init(rule: "end-of-life", message: why)) }
    if hasSecret, !facts.secrets.isEmpty {
      reasons.append(
        .init(rule: "secret", message: "it holds \(Self.list(facts.secrets)): remove what is secret, and push again"))
    }
    let counted = facts.findings.filter { counts($0, facts.now) }
    if let severity {
      let rank = Self.rank(severity)
      let kind = severity == Grade.unknown ? "of any severity, or none known" : "of severity \(severity) or worse"
      add("severity", counted.filter { Self.rank($0.severity) >= rank }, kind, &reasons)
    }
    if isExploited { add("exploited", counted.filter { $0.exploitedSince != nil }, "known to be exploited", &reasons) }
    if let percent = epssPercentAbove {
      add(
        "epss", counted.filter { ($0.epss ?? 0) > percent * 10_000 },
        "with a probability of being exploited above \(percent) %", &reasons)
    }
    return reasons
  }

  private func counts(_ finding: ImageFinding, _ now: Timestamp) -> Bool {
    guard finding.suppression == nil, finding.state != "undecidable" else { return false }
    if onlyFixable, finding.fixed == nil { return false }
    guard let graceDays else { return true }
    return finding.foundAt + .seconds(Int64(graceDays) * 86_400) <= now
  }

  private func add(_ rule: String, _ findings: [ImageFinding], _ kind: String, _ reasons: inout [PolicyReason]) {
    guard !findings.isEmpty else { return }
    let names = findings.map { finding in
      let remedy = finding.fixed.map { ", fixed in \($0)" } ?? ""
      return "\(finding.vulnerability) in \(finding.package.name) \(finding.package.version)\(remedy)"
    }
    let count = findings.count == 1 ? "a finding" : "\(findings.count) findings"
    reasons.append(.init(rule: rule, message: "it has \(count) \(kind): \(Self.list(names))"))
  }

  private static func list(_ texts: [String]) -> String {
    let shown = texts.prefix(namedLimit).joined(separator: "; ")
    return texts.count > namedLimit ? "\(shown); and \(texts.count - namedLimit) more" : shown
  }

  private static func rank(_ severity: String) -> Int { ImageFinding.severities.firstIndex(of: severity) ?? 0 }
}
