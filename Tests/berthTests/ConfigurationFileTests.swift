import Testing

@testable import berth

@Suite("Configuration file")
struct ConfigurationFileTests {
  @Test("Values of every type reach their settings")
  func values() {
    let loading = readFile(
      """
      storage: {data: /srv/berth}
      http:
        listen: ["127.0.0.1:5000", "unix:/run/berth.sock"]
        public_url: https://example.org/registry/
        trust_forwarded: []
        http2: no
        tls:
          minimum_version: 1.3
      limits:
        connections: 20
        manifest_bytes: 2MiB
        blob_bytes: 10 GB
        idle_timeout: 1m30s
        minimum_rate_bytes: none
      logging:
        level: debug
      workers:
        threads: 4
      """)
    #expect(loading.errors.description == "")
    var expected = Settings()
    expected.storage.data = "/srv/berth"
    expected.http.listen = [.tcp(host: .loopback, port: 5000), .unix(path: "/run/berth.sock")]
    expected.http.publicURL = try? PublicURL(parsing: "https://example.org/registry")
    expected.http.trustForwarded = []
    expected.http.http2 = false
    expected.http.tls.minimumVersion = .tls13
    expected.limits.connections = 20
    expected.limits.manifestBytes = 2 << 20
    expected.limits.blobBytes = 10_000_000_000
    expected.limits.idleTimeout = .seconds(90)
    expected.limits.minimumRateBytes = nil
    expected.logging.level = .debug
    expected.workers.threads = 4
    #expect(loading.settings == expected)
  }

  @Test(
    "A file without any value changes nothing",
    arguments: [
      "", "\n\n", "# only a comment\n", "---\n...\n", "~", "{}", "http:\n  tls:\n    # nothing\nlimits: {}\n",
      "\u{feff}# mark\n",
    ])
  func empty(text: String) {
    let loading = readFile(text)
    #expect(loading.errors.description == "")
    #expect(loading.settings == Settings())
    #expect(loading.sources.isEmpty)
  }

  @Test(
    "A mistake is reported with its place and what to write instead",
    arguments: [
      (
        "http:\n  http2: true\n\n  listn: x\n",
        #"berth.yaml:4:3: unknown key "listn" under "http"; did you mean "listen"?"#
      ),
      ("http: {Public-URL: x}", #"berth.yaml:1:8: unknown key "Public-URL" under "http"; did you mean "public_url"?"#),
      ("htpp: {}", #"berth.yaml:1:1: unknown key "htpp"; did you mean "http"?"#),
      ("level: info", #"berth.yaml:1:1: unknown key "level"; did you mean "level" under "logging"?"#),
      ("http.listen: x", #"berth.yaml:1:1: unknown key "http.listen"; write "listen" under "http""#),
      ("http: {tls.key: x}", #"berth.yaml:1:8: unknown key "tls.key" under "http""#),
      ("zebra: 1", #"berth.yaml:1:1: unknown key "zebra""#),
      ("<<: 1", #"berth.yaml:1:1: unknown key "<<""#),
      ("\"a\\nb\": 1", #"berth.yaml:1:1: unknown key "a\nb""#),
      (
        "limits:\n  connections: 0",
        "berth.yaml:2:16: limits.connections: 0 is out of range; it must be 1 to 1000000"
      ),
      ("limits: {connections: many}", #"berth.yaml:1:23: limits.connections: "many" is not a whole number"#),
      ("limits:\n  connections:\n", "berth.yaml:2:15: limits.connections: has no value; give one or remove the key"),
      ("limits: {connections: [1]}", "berth.yaml:1:23: limits.connections: takes one value, not a list"),
      (
        "limits: {connections: {a: 1}}",
        "berth.yaml:1:23: limits.connections: takes whole number, 1 to 1000000, not a group of keys"
      ),
      ("http: {listen: [[a]]}", "berth.yaml:1:17: http.listen: holds a list or a group where one value belongs"),
      ("http: {listen: []}", "berth.yaml:1:16: http.listen: needs at least 1"),
      ("http: {listen: [':1', ':1']}", #"berth.yaml:1:23: http.listen: ":1" appears twice"#),
      ("http: 5000", #"berth.yaml:1:7: "http" must hold keys with values, such as "listen: …""#),
      ("- a", #"berth.yaml:1:1: the file must hold keys with values, such as "storage: …""#),
      ("http:\n  http2: on\n  http2: off", #"berth.yaml:3:3: key "http2" under "http" appears twice, first on line 2"#),
      ("? [a]\n: b", "berth.yaml:1:3: a key must be a word, not a list or a group"),
      (
        "logging: {format: jsn}",
        #"berth.yaml:1:19: logging.format: "jsn" is not one of auto, text, json; did you mean "json"?"#
      ),
      ("access: {open: maybe}", #"berth.yaml:1:16: access.open: "maybe" is not true or false"#),
      ("storage: {data: ''}", "berth.yaml:1:17: storage.data: is empty"),
      (
        "storage: {data: ~/berth}",
        #"berth.yaml:1:17: storage.data: "~/berth": "~" is not expanded; write the whole path"#
      ),
      ("storage: {data: \"a\\0b\"}", #"berth.yaml:1:17: storage.data: "a\u{0}b" holds a control character"#),
    ])
  func mistake(text: String, message: String) {
    #expect(messages(text) == [message])
  }

  @Test("All mistakes are reported at once, from the top of the file to its end, and what is right is still read")
  func everything() {
    let loading = readFile(
      "zebra: 1\nhttp:\n  listen: ['x', ':1', 'y']\n  http2: false\nstorage: *gone\ncache: {descriptor: 1}\n")
    let places = loading.errors.errors.map { $0.description.split(separator: " ")[0] }
    #expect(
      places == ["berth.yaml:1:1:", "berth.yaml:3:12:", "berth.yaml:3:23:", "berth.yaml:5:10:", "berth.yaml:6:9:"])
    #expect(loading.settings.http.http2 == false)
    #expect(loading.settings.http.listen == Settings().http.listen)
  }

  @Test(
    "What YAML can do but a configuration does not need is refused",
    arguments: [
      ("storage: &a {data: x}", "berth.yaml:1:10: anchors (&name) are not supported; write the value itself"),
      ("storage: *a", "berth.yaml:1:10: aliases (*name) are not supported; write the value itself"),
      ("storage: {data: !!str x}", "berth.yaml:1:17: tags (!name) are not supported"),
      ("storage: {}\n---\nhttp: {}\n", "berth.yaml:2:1: a second document begins here; the file may hold only one"),
    ])
  func refused(text: String, message: String) {
    #expect(messages(text) == [message])
  }

  @Test(
    "A text that is not YAML is reported at the place where that shows",
    arguments: [
      ("storage:\n  data: [a\n", "berth.yaml:3:1: is not valid YAML: "),
      ("storage:\n\tdata: x\n", "berth.yaml:2:1: is not valid YAML: "),
      ("storage:\n  data: é\u{1}\n", "berth.yaml:2:10: is not valid YAML: control characters are not allowed"),
      ("# x\n%TAG ! a\n---\n", "berth.yaml:2:1: directives (%name) are not supported"),
      ("a: b: c\n", "berth.yaml:1:5: is not valid YAML: mapping values are not allowed in this context"),
      (String(repeating: "[", count: 5000), "berth.yaml:1:17: is nested more than 16 levels deep"),
      (String(repeating: "- ", count: 5000), "berth.yaml:1:33: is nested more than 16 levels deep"),
    ])
  func syntax(text: String, beginning: String) {
    let found = messages(text)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix(beginning) == true, "\(found)")
  }

  @Test(
    "Bytes that are not UTF-8 are reported with line and column",
    arguments: [
      ("a: b\nc: ", [0xff], "2:4"), ("é: ", [0xc3], "1:4"), ("", [0xff, 0xfe, 0x61, 0x00], "1:1"),
      ("a", [0xed, 0xa0, 0x80], "1:2"),
    ] as [(String, [UInt8], String)])
  func encoding(start: String, bytes: [UInt8], place: String) {
    let message = "berth.yaml:\(place): is not valid UTF-8 from here on"
    #expect(readFile(Array(start.utf8) + bytes).errors.description == message)
  }

  @Test("Thousands of mistakes give a list that ends")
  func manyMistakes() {
    let errors = readFile((0..<20_000).map { "key\($0): 1\n" }.joined()).errors
    #expect(errors.errors.count == ConfigurationErrors.limit)
    #expect(errors.description.hasSuffix("\nand 19900 more"))
  }

  @Test(
    "Thousands of aliases are refused without growing",
    arguments: ["a: [" + String(repeating: "*b,", count: 200_000) + "]"])
  func manyAliases(text: String) {
    #expect(readFile(text).errors.errors.count == ConfigurationErrors.limit)
  }

  @Test("Damaged files are read or refused, never a trap", arguments: [UInt64(1), 2, 3, 4])
  func damaged(seed: UInt64) throws {
    let original = Array(try repositoryFile("deploy/berth.yaml").utf8)
    let pieces = [
      ": ", "- ", "[", "]", "{", "}", "\"", "'", "&a ", "*a", "!!x ", "\n---\n", "#", "\t", "|\n", "? ", "\u{85}",
      "%YAML 9.9\n",
    ]
    var numbers = SeededNumbers(state: seed)
    for _ in 0..<500 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...6, using: &numbers) {
        let place = Int.random(in: 0..<bytes.count, using: &numbers)
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
        case 1: bytes.removeSubrange(place..<min(bytes.count, place + 40))
        case 2: bytes.insert(contentsOf: Array((pieces.randomElement(using: &numbers) ?? "").utf8), at: place)
        default: bytes.insert(contentsOf: bytes.prefix(place), at: place)
        }
        if bytes.isEmpty { bytes = original }
      }
      let errors = readFile(bytes).errors
      #expect(errors.errors.allSatisfy { error in !error.description.unicodeScalars.contains { $0.value < 0x20 } })
    }
  }
}
