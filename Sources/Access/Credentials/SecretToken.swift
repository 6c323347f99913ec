public import Ground

/// A secret that stands for an account: `berth_pat_` and 36 letters and digits, of which the last six are a checksum, so that
/// who scans for leaked secrets finds it and no other text.
public struct SecretToken: Sendable, Hashable {
  public enum Kind: String, Sendable, CaseIterable {
    case personal, robot, refresh, session

    var prefix: String {
      switch self {
      case .personal: "berth_pat_"
      case .robot: "berth_rbt_"
      case .refresh: "berth_ref_"
      case .session: "berth_ses_"
      }
    }
  }

  public let kind: Kind
  /// What is shown once and never kept.
  public let text: String

  /// 178 bits of chance.
  static let randomLength = 30
  static let checksumLength = 6

  /// What is kept in its place. The secret is too long to be guessed, so a quick hash will do.
  public var hash: String { Hashing.sha256Hex(text) }

  public init(_ kind: Kind, random: any RandomSource) {
    self.kind = kind
    var body = kind.prefix
    for _ in 0..<Self.randomLength { body.append(Base62.digit(random)) }
    text = body + Self.checksum(body)
  }

  /// Nil for a text that is no token of ours: no database need be asked.
  public init?(parsing text: String) {
    guard let kind = Kind.allCases.first(where: { text.hasPrefix($0.prefix) }),
      text.utf8.count == kind.prefix.utf8.count + Self.randomLength + Self.checksumLength
    else { return nil }
    let body = String(text.dropLast(Self.checksumLength))
    guard text == body + Self.checksum(body) else { return nil }
    self.kind = kind
    self.text = text
  }

  /// CRC-32 of what comes before, in base 62.
  static func checksum(_ text: String) -> String {
    var crc = UInt32.max
    for byte in text.utf8 {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return Base62.text(~crc, length: checksumLength)
  }
}

enum Base62 {
  private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  /// Each digit is as likely as the others.
  static func digit(_ random: any RandomSource) -> Character {
    while true {
      let value = random.next() & 63
      if value < 62 { return Character(UnicodeScalar(digits[Int(value)])) }
    }
  }

  static func text(_ value: UInt32, length: Int) -> String {
    var rest = value
    var text: [UInt8] = []
    for _ in 0..<length {
      text.append(digits[Int(rest % 62)])
      rest /= 62
    }
    return String(decoding: text.reversed(), as: UTF8.self)
  }
}
