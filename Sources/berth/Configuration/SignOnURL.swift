import Access
import Glibc
import Metadata

/// A provider that people sign on with: `acme=https://issuer.example?client-id=berth&client-secret-file=/run/secrets/acme`.
struct SignOnURL: Sendable, Equatable {
  let text: String
  let name: String
  let issuer: String
  let clientID: String
  let clientSecretFile: String?
  let scopes: [String]
  let nameClaim: String
  let groupsClaim: String

  init(parsing text: String) throws(ValueProblem) {
    guard let equals = text.firstIndex(of: "="), let question = text.firstIndex(of: "?"), equals < question else {
      throw ValueProblem("\(quoted(text)) is not of the form NAME=https://ISSUER?client-id=ID")
    }
    name = String(text[..<equals])
    issuer = String(text[text.index(after: equals)..<question])
    guard !name.isEmpty, name.utf8.allSatisfy({ isDigit($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }) else {
      throw ValueProblem("\(quoted(name)) is no name of a provider: lower-case letters, digits and dashes")
    }
    guard name != Self.ofPeople else {
      throw ValueProblem(
        "\(quoted(name)) is no name of a provider: so those members of teams are marked whom people add")
    }
    guard isSecureIssuer(issuer) else {
      throw ValueProblem("\(quoted(issuer)) is no issuer: https://, or http:// on this machine")
    }
    var values: [String: String] = [:]
    for pair in text[text.index(after: question)...].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      let key = String(parts[0])
      guard Self.keys.contains(key), parts.count == 2 else {
        throw ValueProblem("\(quoted(key)) is not known here; known are \(Self.keys.joined(separator: ", "))")
      }
      values[key] = String(parts[1])
    }
    guard let clientID = values["client-id"] else { throw ValueProblem("\(quoted(text)) has no client-id") }
    self.clientID = clientID
    clientSecretFile = values["client-secret-file"]
    scopes = values["scopes"].map { $0.split(separator: "+").map { String($0) } } ?? ["openid", "profile", "email"]
    guard scopes.contains("openid") else { throw ValueProblem("\(quoted(text)): scopes must hold openid") }
    nameClaim = values["name-claim"] ?? "preferred_username"
    groupsClaim = values["groups-claim"] ?? "groups"
    self.text = text
  }

  /// Where memberships come from that no provider tells of: one of that name would take them away at each sign-on.
  private static let ofPeople = "manual"
  private static let keys = ["client-id", "client-secret-file", "scopes", "name-claim", "groups-claim"]

  func provider() throws -> SignOnProvider {
    SignOnProvider(
      name: name, issuer: issuer, clientID: clientID,
      clientSecret: try clientSecretFile.map { try SecretFile.read($0) },
      scopes: scopes, nameClaim: nameClaim, groupsClaim: groupsClaim)
  }
}

/// HTTPS, or plain HTTP on this machine, where nobody is in between; no user, query or fragment.
func isSecureIssuer(_ text: String) -> Bool {
  guard text.utf8.count <= 1024, !text.contains(where: { " ?#@\"<>".contains($0) }) else { return false }
  if text.hasPrefix("https://") { return text.utf8.count > 8 }
  let host = text.dropFirst("http://".count).prefix { $0 != "/" && $0 != ":" }
  return text.hasPrefix("http://") && (host == "127.0.0.1" || host == "localhost")
}

extension SettingType<SignOnURL> {
  static let signOn = SettingType.scalar(
    summary: "providers (`NAME=https://ISSUER?client-id=ID&client-secret-file=PATH`)",
    schema: .object([("type", .string("string"))])
  ) { (text) throws(ValueProblem) in
    try SignOnURL(parsing: text)
  } render: {
    .text($0.text)
  }
}

extension SettingType<String> {
  static let issuer = SettingType.scalar(
    summary: "issuers (`https://token.actions.githubusercontent.com`)",
    schema: .object([("type", .string("string")), ("pattern", .string("^https?://"))])
  ) { (text) throws(ValueProblem) in
    guard isSecureIssuer(text) else {
      throw ValueProblem("\(quoted(text)) is no issuer: https://, or http:// on this machine")
    }
    return text
  } render: {
    .text($0)
  }
}

/// For how long the records of a kind, or of a family of kinds, are kept: `pull=90d`, `user.*=365d`.
struct RecordRetention: Sendable, Equatable {
  let kind: String
  let duration: Duration
}

extension SettingType<RecordRetention> {
  static let recordRetention = SettingType.scalar(
    summary: "`KIND=DURATION` (`pull=90d`)", schema: .object([("type", .string("string"))])
  ) { (text) throws(ValueProblem) in
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2 else {
      throw ValueProblem("\(quoted(text)) is not of the form KIND=DURATION, such as pull=90d")
    }
    let kind = String(parts[0])
    guard !AuditEntry.kinds(named: kind).isEmpty else {
      let known = AuditEntry.kinds.sorted().joined(separator: ", ")
      throw ValueProblem("\(quoted(kind)) is no kind of record, nor a family such as user.*; there are \(known)")
    }
    let duration = try DurationText.parse(String(parts[1]))
    guard duration >= .seconds(86_400) else {
      throw ValueProblem("\(quoted(text)): records are kept for a day at least")
    }
    return RecordRetention(kind: kind, duration: duration)
  } render: {
    .text("\($0.kind)=\(DurationText.text($0.duration))")
  }
}
