import Testing

@testable import Scanning

@Suite struct `Secrets` {
  /// Values are put together here, so that nobody finds a secret in this repository.
  private static func random(_ count: Int, _ alphabet: String = "A7Bq9Kd3ZxW5mN1p") -> String {
    let letters = Array(alphabet)
    return String((0..<count).map { letters[($0 * 7 + $0 / 5) % letters.count] })
  }

  private static func key(_ kind: String) -> String {
    "-----" + "BEGIN \(kind)PRIVATE KEY-----\n" + random(64) + "\n" + random(64) + "\n-----"
      + "END \(kind)PRIVATE KEY-----\n"
  }

  private static let upper = "A7BQ9KD3ZXW5MN1P"

  private static let there: [(path: String, content: String, shape: String)] = {
    let json = #"{"type":"service_account","private_key":"-----"# + "BEGIN PRIVATE KEY-----\\n" + random(90) + #"\n"}"#
    var table: [(path: String, content: String, shape: String)] = []
    table.append(("app/.env", "AWS_KEY=AKIA\(random(16, upper))", "aws-access-key-id"))
    table.append(("app/config.yml", "token: ghp_\(random(36))", "github-token"))
    table.append(("app/ci.env", "BERTH_TOKEN=berth_" + "pat_\(random(36))", "berth-token"))
    table.append(("app/robot.env", "BERTH_TOKEN=berth_" + "rbt_\(random(36))", "berth-token"))
    table.append(("etc/app.conf", "x=glpat-\(random(20));", "gitlab-token"))
    table.append(("app/server.key", key(""), "private-key"))
    table.append(("etc/ssh/ssh_host_rsa_key", key("RSA "), "private-key"))
    table.append(("root/.ssh/id_ed25519", key("OPENSSH "), "openssh-private-key"))
    table.append(("app/enc.pem", key("ENCRYPTED "), "encrypted-private-key"))
    table.append(("app/account.json", json, "private-key"))
    table.append(
      ("root/.docker/config.json", #"{"auths":{"registry.example":{"auth":"dXNlcjpwYXNz"}}}"#, "docker-login"))
    table.append(("home/x/.npmrc", "//registry.example/:_authToken=\(random(20))", "npm-token"))
    table.append(("root/.netrc", "machine git.example login me password \(random(12))", "netrc-password"))
    return table
  }()

  @Test(arguments: there)
  func `are told by their shape and never by their value`(path: String, content: String, shape: String) throws {
    let layer = try LanguageFile.inventory(path, Array(content.utf8), mode: 0o644)
    #expect(layer.notices == [Notice(.secret, path: path, detail: shape)])
  }

  private static let absent: [(path: String, content: String)] = {
    var table: [(path: String, content: String)] = []
    table.append(("app/readme.txt", "AKIAIOSFODNN7EXAMPLE"))
    table.append(("app/x", "ghp_\(String(repeating: "x", count: 36))"))
    table.append(("app/x", "token=ghp_\(random(20))"))
    table.append(("app/x", "ZAKIA\(random(16, upper))"))
    table.append(("app/cert.pem", "-----BEGIN CERTIFICATE-----\n\(random(64))"))
    table.append(("app/public.pem", "-----BEGIN PUBLIC KEY-----\n\(random(64))"))
    table.append(("app/template", "-----" + "BEGIN PRIVATE KEY-----\n${PRIVATE_KEY}\n"))
    table.append(("root/.npmrc", "//r/:_authToken=${NPM_TOKEN}"))
    table.append(("usr/share/doc/openssl/key.pem", key("")))
    table.append(("app/node_modules/x/test.key", key("")))
    table.append(("root/.docker/config.json", #"{"credsStore":"desktop"}"#))
    return table
  }()

  @Test(arguments: absent)
  func `are not what documents, templates and public keys hold`(path: String, content: String) throws {
    #expect(try LanguageFile.inventory(path, Array(content.utf8), mode: 0o644).notices.isEmpty)
  }

  @Test func `are told of an image though an upper layer removes them`() throws {
    let secret = `Reading a layer`.archive([(path: "app/server.key", content: Self.key(""))])
    let removal = `Reading a layer`.archive([(path: "app/.wh.server.key", content: "")])
    let image = ImageInventory(
      folding: [try LayerReader.read(MemorySource(secret)), try LayerReader.read(MemorySource(removal))])
    #expect(image.notices.map(\.notice.detail) == ["private-key"])
    #expect(image.notices.map(\.isHidden) == [true])
    #expect(image.notices.map(\.layer) == [0])
  }

  @Test func `stand beside programs that run as their owner, and files that everybody may write`() throws {
    #expect(
      try LanguageFile.inventory("usr/bin/su", [1, 0, 2], mode: 0o4755).notices
        == [Notice(.setUserID, path: "usr/bin/su", detail: "4755")])
    #expect(
      try LanguageFile.inventory("srv/data", [1, 0, 2], mode: 0o666).notices
        == [Notice(.worldWritable, path: "srv/data", detail: "666")])
  }
}
