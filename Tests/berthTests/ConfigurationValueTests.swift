import Testing

@testable import berth

@Suite("Configuration values")
struct ConfigurationValueTests {
  @Test(
    "Byte sizes are read in steps of 1000 and 1024",
    arguments: [
      ("0", 0), ("512", 512), ("512B", 512), ("64 MiB", 67_108_864), ("64mib", 67_108_864), ("10GB", 10_000_000_000),
      ("1 kB", 1000), ("1 KB", 1000), ("4 KiB", 4096), ("2TiB", 2_199_023_255_552), ("1 PiB", 1_125_899_906_842_624),
      ("9223372036854775807", Int.max),
    ])
  func byteSize(text: String, bytes: Int) throws {
    #expect(try ByteSize.parse(text) == bytes)
    #expect(try ByteSize.parse(ByteSize.text(bytes)) == bytes)
  }

  @Test(
    "What is no byte size is refused",
    arguments: [
      "", " ", "MiB", "-1", "+1", "1.5 GiB", "64 M", "64k", "64  MiB", "64 MiB ", "64\u{301} MiB", "8 EiB",
      "9223372036854775808", "99999999 PB", "٣",
    ])
  func badByteSize(text: String) {
    #expect(throws: ValueProblem.self) { try ByteSize.parse(text) }
  }

  @Test(
    "Byte sizes are shown in the unit that keeps them short",
    arguments: [
      (0, "0"), (1000, "1 kB"), (1024, "1 KiB"), (10_000_000_000, "10 GB"), (1536, "1536"), (67_108_864, "64 MiB"),
    ])
  func byteSizeText(bytes: Int, text: String) {
    #expect(ByteSize.text(bytes) == text)
  }

  @Test(
    "Durations are read in their units",
    arguments: [
      ("0", Duration.zero, "0s"), ("0s", .zero, "0s"), ("500ms", .milliseconds(500), "500ms"),
      ("30s", .seconds(30), "30s"),
      ("90s", .seconds(90), "90s"), ("5m", .seconds(300), "5m"), ("24h", .seconds(86_400), "1d"),
      ("7d", .seconds(604_800), "7d"),
      ("1h30m", .seconds(5400), "90m"), ("1d2h3m4s5ms", .milliseconds(93_784_005), "93784005ms"),
    ])
  func duration(text: String, duration: Duration, shown: String) throws {
    #expect(try DurationText.parse(text) == duration)
    #expect(DurationText.text(duration) == shown)
    #expect(try DurationText.parse(shown) == duration)
  }

  @Test(
    "What is no duration is refused",
    arguments: [
      "", "30", "s", "-1s", "1.5h", "1 h", "1m1h", "1s1s", "1w", "1H", "9223372036854775807d", "99999999999999999999s",
    ])
  func badDuration(text: String) {
    #expect(throws: ValueProblem.self) { try DurationText.parse(text) }
  }

  @Test(
    "Listen addresses are read and shown in one form",
    arguments: [
      ("127.0.0.1:5000", "127.0.0.1:5000", true), ("localhost:80", "127.0.0.1:80", true),
      ("[::1]:5000", "[::1]:5000", true),
      ("[0:0:0:0:0:0:0:1]:0", "[::1]:0", true), ("127.9.9.9:1", "127.9.9.9:1", true),
      ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true), (":5000", ":5000", false), ("*:5000", ":5000", false),
      ("0.0.0.0:65535", "0.0.0.0:65535", false), ("[::]:1", "[::]:1", false), ("[fe80::1]:1", "[fe80::1]:1", false),
      ("unix:/run/berth.sock", "unix:/run/berth.sock", true), ("unix:///run/berth.sock", "unix:/run/berth.sock", true),
      ("unix:berth.sock", "unix:berth.sock", true),
    ])
  func listenAddress(text: String, shown: String, isLoopback: Bool) throws {
    let address = try ListenAddress(parsing: text)
    #expect(address.description == shown)
    #expect(address.isLoopback == isLoopback)
    #expect(try ListenAddress(parsing: shown) == address)
  }

  @Test(
    "What is no listen address is refused with an example",
    arguments: [
      ("5000", #""5000" has no port; write for instance :5000"#),
      ("127.0.0.1", #""127.0.0.1" has no port; write for instance 127.0.0.1:5000"#),
      ("::1", #""::1" has no port, or no brackets around the address; write for instance [::1]:5000"#),
      ("127.0.0.1:65536", #""127.0.0.1:65536": the port must be 0 to 65535"#),
      ("127.0.0.1:", #""127.0.0.1:": the port must be 0 to 65535"#),
      ("127.0.0.1:+1", #""127.0.0.1:+1": the port must be 0 to 65535"#),
      ("http://127.0.0.1:5000", #""http://127.0.0.1:5000": write the address and port only, without http://"#),
      ("unix:", #""unix:" has no path; write for instance unix:/run/berth.sock"#),
    ])
  func badListenAddress(text: String, message: String) {
    #expect(throws: ValueProblem(message)) { try ListenAddress(parsing: text) }
  }

  @Test(
    "Host names, wrong brackets and overlong sockets are refused",
    arguments: [
      "", "example.org:80", "[127.0.0.1]:80", "[::1:80", "::1]:80", "1.2.3:80", "[fe80::1%eth0]:80",
      "127.0.0.1\u{0}:80", "unix:" + String(repeating: "a", count: 108),
    ])
  func hopelessListenAddress(text: String) {
    #expect(throws: ValueProblem.self) { try ListenAddress(parsing: text) }
  }

  @Test(
    "A network holds the addresses that share its prefix",
    arguments: [
      ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
      ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false), ("0.0.0.0/0", "8.8.8.8", true),
      ("0.0.0.0/0", "::1", false), ("::/0", "fe80::1", true), ("::/0", "1.2.3.4", false), ("fd00::/8", "fdab::1", true),
      ("fd00::/8", "fe00::1", false), ("172.16.0.0/12", "172.31.255.255", true), ("172.16.0.0/12", "172.32.0.0", false),
    ])
  func network(text: String, address: String, isInside: Bool) throws {
    let range = try AddressRange(parsing: text)
    #expect(range.contains(try #require(IPAddress(address))) == isInside)
    #expect(try AddressRange(parsing: range.description) == range)
  }

  @Test(
    "What is no network is refused",
    arguments: [
      "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.1/8", "::/129", "10.0.0/8", "::ffff:10.0.0.0/104",
      "a", "10.0.0.0/8/8",
    ])
  func badNetwork(text: String) {
    #expect(throws: ValueProblem.self) { try AddressRange(parsing: text) }
  }

  @Test("A network with bits beyond its prefix is corrected")
  func correctedNetwork() {
    #expect(throws: ValueProblem(#""10.1.0.0/8" has bits beyond its prefix; did you mean "10.0.0.0/8"?"#)) {
      try AddressRange(parsing: "10.1.0.0/8")
    }
  }

  @Test(
    "Public URLs are read into origin and path",
    arguments: [
      ("https://registry.example.org", "https://registry.example.org", ""),
      ("HTTPS://Registry.Example.org/", "https://registry.example.org", ""),
      ("https://example.org:443/a/b/", "https://example.org", "/a/b"),
      ("http://example.org:443", "http://example.org:443", ""), ("http://10.0.0.1:80", "http://10.0.0.1", ""),
      ("http://[::1]:5000/Reg~1", "http://[::1]:5000", "/Reg~1"),
      ("https://[2001:db8:0::1]", "https://[2001:db8::1]", ""),
    ])
  func publicURL(text: String, origin: String, path: String) throws {
    let url = try PublicURL(parsing: text)
    #expect(url.origin == origin)
    #expect(url.pathPrefix == path)
    #expect(try PublicURL(parsing: url.description) == url)
  }

  @Test(
    "What is no public URL is refused",
    arguments: [
      "", "registry.example.org", "ftp://example.org", "https://", "https:///a", "https://a..b", "https://-a",
      "https://a b",
      "https://exämple.org", "https://a:0", "https://a:", "https://a:65536", "https://a?b", "https://a/#b",
      "https://a//b",
      "https://a/../b", "https://a/%2e", "https://[::1", "https://[1.2.3.4]", "https://a/\r\nX: y",
    ])
  func badPublicURL(text: String) {
    #expect(throws: ValueProblem.self) { try PublicURL(parsing: text) }
  }

  @Test(
    "A password in a URL is not repeated in the message",
    arguments: ["https://me:hunter2@example.org", "ftp://me:hunter2@x"])
  func password(text: String) {
    #expect(throws: ValueProblem("a URL with a user name or password is not accepted")) { try PublicURL(parsing: text) }
  }

  @Test(
    "The nearest name is suggested, and none when all are far",
    arguments: [
      ("listn", "listen"), ("lisetn", "listen"), ("Public-Url", "public_url"), ("publicurl", "public_url"),
      ("pub", "public_url"),
      ("zebra", nil), ("", nil), ("l", nil), (String(repeating: "listen", count: 20), nil),
    ] as [(String, String?)])
  func suggestion(word: String, near: String?) {
    #expect(nearest(to: word, among: ["listen", "public_url", "http2"]) == near)
  }

  @Test("Texts in messages stay on one line and short")
  func quotation() {
    #expect(quoted("a\"b\\c\n\r\u{1b}[0m\u{202e}é") == #""a\"b\\c\n\u{d}\u{1b}[0m\u{202e}é""#)
    #expect(quoted(String(repeating: "x", count: 1000)).count == 83)
  }
}

@Suite("Where the parts are")
struct StorageURLTests {
  @Test(
    "A password is never shown",
    arguments: [
      ("postgres://u:secret@h/d", "postgres://u:********@h/d"),
      ("postgres://u:a:b@h1,h2:5433/d?sslmode=require", "postgres://u:********@h1,h2:5433/d?sslmode=require"),
      ("postgresql://h/d?user=u&password=secret&x=1", "postgresql://h/d?user=u&password=********&x=1"),
      ("postgres://h?sslpassword=secret", "postgres://h?sslpassword=********"),
      ("postgres://u@h/d", "postgres://u@h/d"), ("postgres:///d", "postgres:///d"),
    ])
  func masked(text: String, shown: String) throws {
    #expect(try DatabaseURL(parsing: text).shown == shown)
  }

  @Test("Other databases are refused, without their text", arguments: ["mysql://u:secret@h/d", "", "postgres://a b"])
  func refused(text: String) {
    #expect {
      try DatabaseURL(parsing: text)
    } throws: {
      !"\($0)".contains("secret")
    }
  }

  @Test("Redirects are a word or networks")
  func redirects() throws {
    let type = SettingType<RedirectPolicy>.redirectPolicy
    #expect(try type.parse(.text("auto")) == .automatic)
    #expect(try type.parse(.text("always")) == .always)
    #expect(try type.parse(.text("never")) == .never)
    #expect(try type.parse(.text("10.0.0.0/8")) == .networks([try AddressRange(parsing: "10.0.0.0/8")]))
    #expect(throws: ValueProblems.self) { try type.parse(.text("sometimes")) }
  }
}
