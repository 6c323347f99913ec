/// What somebody says of a flaw in a product.
///
/// Source: OpenVEX 0.2.0, "Statement"; CSAF 2.0, profile 5; CISA, "Minimum Requirements for VEX".
public struct VEXStatement: Sendable, Hashable {
  /// The raw value is the word of OpenVEX.
  public enum Status: String, Sendable, Hashable, CaseIterable {
    case notAffected = "not_affected"
    case affected
    case fixed
    case underInvestigation = "under_investigation"
  }

  /// `CVE-2024-0727`, or the name in another database where it has no CVE.
  public var vulnerability: String
  /// Other names of the very same flaw.
  public var aliases: [String] = []
  public var status: Status
  /// Why it is not affected, in the words that both formats have: `vulnerable_code_not_present`; empty: it does not say.
  public var justification = ""
  /// Why it is not affected, or what to do, for people; empty: it does not say. At most ``detailLimitBytes`` bytes.
  public var detail = ""
  public var author = ""
  /// When it was said, as the document has it: RFC 3339, with any offset. Empty where it has none.
  public var stated = ""
  /// What it is said of: any of these.
  public var targets: [VEXTarget]

  static let detailLimitBytes = 4096

  public init(_ vulnerability: String, _ status: Status, of targets: [VEXTarget]) {
    self.vulnerability = vulnerability
    self.status = status
    self.targets = targets
  }

  /// Whether a finding of a target does not count any more.
  public var endsFindings: Bool { status == .notAffected || status == .fixed }

  /// All names of the flaw.
  public var names: [String] { [vulnerability] + aliases }
}

/// What a document holds.
public struct VEXDocument: Sendable, Hashable {
  public enum Format: String, Sendable, Hashable, CaseIterable {
    case openVEX = "OpenVEX"
    case csaf = "CSAF"
  }

  public var format: Format
  /// In the words of its author; empty where it has none.
  public var id = ""
  public var author = ""
  /// In the order of the document.
  public var statements: [VEXStatement] = []
  /// Products that statements name in a way that nothing in a registry can be recognised by.
  public var unnamedProductCount = 0
  /// It came in an envelope that has a signature, which has not been checked.
  public var isSigned = false

  init(_ format: Format) { self.format = format }
}
