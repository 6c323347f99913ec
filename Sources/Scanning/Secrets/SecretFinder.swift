/// Finds private keys and credentials by shapes that are well known. It answers which shape it was, never what stood there.
enum SecretFinder {
  /// Counted on with every change of what it finds, so that layers are read again.
  static let revision = 2
  /// Larger files are data, not configuration.
  static let sizeLimitBytes: Int64 = 256 << 10

  /// Where the operating system and package managers put what they bring along, and everything else that is full of examples.
  private static let quietPrefixes = [
    "usr/share/", "usr/lib/", "usr/lib64/", "usr/libexec/", "usr/include/", "lib/", "lib64/", "var/lib/dpkg/",
    "var/lib/apt/", "var/cache/", "lib/apk/", "etc/ssl/certs/", "usr/local/lib/python", "usr/local/go/",
    "usr/local/share/", "usr/local/include/",
  ]
  private static let quietParts = [
    "/node_modules/", "/site-packages/", "/dist-packages/", "/testdata/", "/test/", "/tests/", "/examples/", "/spec/",
    "/gems/", "/vendor/bundle/",
  ]
  private static let dataEndings = [
    ".so", ".a", ".o", ".pyc", ".pyo", ".png", ".jpg", ".gif", ".svg", ".ico", ".gz", ".xz", ".zst", ".bz2", ".zip",
    ".mo", ".h", ".html", ".css", ".ttf", ".woff", ".woff2", ".class", ".jar", ".map", ".md", ".rst", ".crt",
  ]

  /// Whether the content of a file is to be looked at. Asked for every file of every layer.
  static func wants(_ file: Candidate) -> Bool {
    guard file.size >= 16, file.size <= sizeLimitBytes, !file.start.contains(0) else { return false }
    let path = file.path
    return !quietPrefixes.contains { path.hasPrefix($0) } && !dataEndings.contains { path.hasSuffix($0) }
      && !quietParts.contains { path.contains($0) }
  }

  /// The names of the shapes that a file has, each once, in the order of the list.
  static func shapes(in path: String, _ bytes: UnsafeRawBufferPointer) -> [String] {
    var found: [String] = []
    for shape in SecretShape.all where !found.contains(shape.name) && shape.isIn(bytes) { found.append(shape.name) }
    if let keyShape = PrivateKeyShape.name(in: bytes) { found.append(keyShape) }
    for shape in CredentialFile.all where shape.isIn(path, bytes) { found.append(shape.name) }
    return found
  }
}

/// A token that is known by how it begins, and by what follows.
struct SecretShape: Sendable {
  let name: String
  private let prefix: [UInt8]
  /// What may follow.
  private let alphabet: Alphabet
  private let lengths: ClosedRange<Int>

  enum Alphabet: Sendable {
    case upperAndDigits, alphanumeric, wordAndDash, lowerHexadecimal, sendGrid

    func has(_ byte: UInt8) -> Bool {
      let isDigit = (0x30...0x39).contains(byte)
      let isUpper = (0x41...0x5A).contains(byte)
      let isLower = (0x61...0x7A).contains(byte)
      switch self {
      case .upperAndDigits: return isDigit || isUpper
      case .alphanumeric: return isDigit || isUpper || isLower
      case .wordAndDash: return isDigit || isUpper || isLower || byte == 0x5F || byte == 0x2D
      case .lowerHexadecimal: return isDigit || (0x61...0x66).contains(byte)
      case .sendGrid: return isDigit || isUpper || isLower || byte == 0x5F || byte == 0x2D || byte == 0x2E
      }
    }
  }

  private init(_ name: String, _ prefix: String, _ alphabet: Alphabet, _ lengths: ClosedRange<Int>) {
    self.name = name
    self.prefix = Array(prefix.utf8)
    self.alphabet = alphabet
    self.lengths = lengths
  }

  /// As their issuers describe them.
  static let all: [SecretShape] = [
    .init("aws-access-key-id", "AKIA", .upperAndDigits, 16...16),
    .init("aws-access-key-id", "ASIA", .upperAndDigits, 16...16),
    .init("github-token", "ghp_", .alphanumeric, 36...36), .init("github-token", "gho_", .alphanumeric, 36...36),
    .init("github-token", "ghs_", .alphanumeric, 36...36), .init("github-token", "ghu_", .alphanumeric, 36...36),
    .init("github-token", "ghr_", .alphanumeric, 36...76),
    .init("github-token", "github_pat_", .wordAndDash, 82...82),
    .init("gitlab-token", "glpat-", .wordAndDash, 20...64),
    .init("slack-token", "xoxb-", .wordAndDash, 20...120), .init("slack-token", "xoxp-", .wordAndDash, 20...120),
    .init("slack-token", "xapp-", .wordAndDash, 20...160),
    .init("stripe-key", "sk_live_", .alphanumeric, 24...120), .init("stripe-key", "rk_live_", .alphanumeric, 24...120),
    .init("npm-token", "npm_", .alphanumeric, 36...36), .init("pypi-token", "pypi-AgE", .wordAndDash, 50...300),
    .init("google-api-key", "AIza", .wordAndDash, 35...35),
    .init("digitalocean-token", "dop_v1_", .lowerHexadecimal, 64...64),
    .init("age-secret-key", "AGE-SECRET-KEY-1", .upperAndDigits, 58...58),
    .init("sendgrid-key", "SG.", .sendGrid, 66...66),
    .init("docker-hub-token", "dckr_pat_", .wordAndDash, 27...40),
    .init("hashicorp-vault-token", "hvs.", .wordAndDash, 90...200),
    .init("shopify-token", "shpat_", .lowerHexadecimal, 32...32),
    .init("berth-token", "berth_pat_", .alphanumeric, 36...36),
    .init("berth-token", "berth_rbt_", .alphanumeric, 36...36),
  ]

  func isIn(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var from = 0
    while from < bytes.count, let found = UnsafeRawBufferPointer(rebasing: bytes[from...]).position(of: prefix) {
      let begin = from + found
      let value = bytes[(begin + prefix.count)...].prefix { alphabet.has($0) }
      let isWord = begin == 0 || !Alphabet.alphanumeric.has(bytes[begin - 1])
      if isWord, lengths.contains(value.count), Self.isRandom(value) { return true }
      from = begin + prefix.count
    }
    return false
  }

  /// Documentation has values that nobody issued: `AKIAIOSFODNN7EXAMPLE`, `ghp_xxxxxxxx…`.
  static func isRandom(_ value: Slice<UnsafeRawBufferPointer>) -> Bool {
    guard Set(value).count >= min(8, value.count / 2) else { return false }
    let lower = String(decoding: value, as: UTF8.self).lowercased()
    return !["example", "xxxx", "yourtoken", "placeholder", "changeme", "12345678"].contains { lower.contains($0) }
  }
}

/// A private key in the textual form that most tools write.
///
/// Source: RFC 7468; openssh, PROTOCOL.key; RFC 4880, 6.2.
enum PrivateKeyShape {
  private static let end = Array("PRIVATE KEY".utf8)

  private static let names: [(kind: String, name: String)] = [
    ("OPENSSH ", "openssh-private-key"), ("ENCRYPTED ", "encrypted-private-key"), ("RSA ", "private-key"),
    ("EC ", "private-key"), ("DSA ", "private-key"), ("PGP ", "pgp-private-key"), ("", "private-key"),
  ]

  static func name(in bytes: UnsafeRawBufferPointer) -> String? {
    var from = 0
    while from < bytes.count, let found = UnsafeRawBufferPointer(rebasing: bytes[from...]).position(of: end) {
      let place = from + found
      for (kind, name) in names {
        let start = Array("-----BEGIN \(kind)".utf8)
        guard place >= start.count, bytes[(place - start.count)..<place].elementsEqual(start),
          hasContent(bytes[(place + end.count)...])
        else { continue }
        return name
      }
      from = place + end.count
    }
    return nil
  }

  /// Behind the line there are some lines of base64; in JSON the line ends are written `\n`.
  private static func hasContent(_ rest: Slice<UnsafeRawBufferPointer>) -> Bool {
    var count = 0
    for byte in rest.prefix(400) {
      if SecretShape.Alphabet.alphanumeric.has(byte) || byte == 0x2B || byte == 0x2F {
        count += 1
        if count >= 40 { return true }
      } else if byte == 0x3C || byte == 0x24 || byte == 0x7B {
        // `<key here>`, `${KEY}`, `{{ key }}`.
        return false
      } else if byte == 0x2D, count > 4 {
        return false
      }
    }
    return false
  }
}

/// A file that is there to hold a credential, known by its name.
struct CredentialFile: Sendable {
  let name: String
  private let endings: [String]
  private let marks: [[UInt8]]

  private init(_ name: String, _ endings: [String], _ marks: [String]) {
    self.name = name
    self.endings = endings
    self.marks = marks.map { Array($0.utf8) }
  }

  static let all: [CredentialFile] = [
    .init(
      "docker-login", [".docker/config.json", ".dockercfg", ".dockerconfigjson", "containers/auth.json"], ["\"auth\""]),
    .init("netrc-password", [".netrc", "_netrc"], ["password "]),
    .init("npm-token", [".npmrc"], ["_authToken=", "_password="]),
    .init("git-credentials", [".git-credentials"], ["://"]),
    .init("aws-secret-access-key", [".aws/credentials"], ["aws_secret_access_key"]),
    .init("pgpass-password", [".pgpass"], [":"]), .init("pypi-password", [".pypirc"], ["password"]),
    .init("kubernetes-credentials", [".kube/config"], ["client-key-data", "token:"]),
  ]

  func isIn(_ path: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard endings.contains(where: { path == $0 || path.hasSuffix("/" + $0) }) else { return false }
    return marks.contains { mark in
      guard let position = bytes.position(of: mark) else { return false }
      // What stands there is filled in when the file is used.
      let value = bytes[(position + mark.count)...].prefix { $0 != 0x0A }.drop {
        $0 == 0x20 || $0 == 0x3A || $0 == 0x3D || $0 == 0x22
      }
      return value.count >= 4 && value.first != 0x24 && value.first != 0x7B && value.first != 0x3C
    }
  }
}
