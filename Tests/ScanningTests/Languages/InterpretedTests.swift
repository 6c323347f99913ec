import Testing

@testable import Scanning

@Suite struct `Packages of languages` {
  @Test(
    arguments: [
      (
        "usr/lib/python3/dist-packages/Foo_Bar-1.0.dist-info/METADATA", "Name: Foo.Bar\nVersion: 1.0\n\nName: no\n",
        ["foo-bar 1.0"]
      ),
      ("x/y.egg-info", "Metadata-Version: 1.0\nName: y\nVersion: 2\n", ["y 2"]),
      ("x/z.egg-info/PKG-INFO", "Name: z\r\nVersion: 3\r\n", ["z 3"]),
      ("x/EGG-INFO/PKG-INFO", "Name: w\nVersion: 4\n", ["w 4"]),
      ("x/METADATA", "Name: no\nVersion: 4\n", []),
      ("app/node_modules/a/package.json", #"{"name":"a","version":"1.0.0"}"#, ["a 1.0.0"]),
      ("app/node_modules/@s/b/package.json", #"{"name":"@s/b","version":"2.0.0"}"#, ["@s/b 2.0.0"]),
      ("usr/lib/node_modules/npm/node_modules/c/package.json", #"{"name":"c","version":"3"}"#, ["c 3"]),
      ("app/node_modules/a/lib/package.json", #"{"name":"no","version":"1"}"#, []),
      ("app/package.json", #"{"name":"no","version":"1"}"#, []),
      ("app/node_modules/d/package.json", #"{"type":"module"}"#, []),
      ("app/node_modules/e/package.json", "\u{FEFF}" + #"{"name":"e","version":"1.0.1"}"#, ["e 1.0.1"]),
      ("app/B.deps.json", "\u{FEFF}" + #"{"libraries":{"B/1.0":{"type":"package"}}}"#, ["B 1.0"]),
      (
        "var/lib/gems/3.1.0/specifications/rack-2.2.4.gemspec",
        "# -*- encoding: utf-8 -*-\nGem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"2.2.4\"\n  s.licenses = [\"MIT\".freeze, \"Ruby\"]\n  s.summary = \"s.name = 'no'\"\nend\n",
        ["rack 2.2.4"]
      ),
      (
        "usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec",
        "Gem::Specification.new do |spec|\n  spec.name = 'json'\n  spec.version = '2.6.1'\nend", ["json 2.6.1"]
      ),
      ("src/rack.gemspec", "s.name = \"no\"\ns.version = \"1\"", []),
      (
        "app/vendor/composer/installed.json",
        #"{"packages":[{"name":"Symfony/Http","version":"v5.4.1"},{"name":"a/b","version":"1.0"}],"dev":true}"#,
        ["symfony/http 5.4.1", "a/b 1.0"]
      ),
      ("app/vendor/composer/installed.json", #"[{"name":"a/b","version":"2.0"},{"no":1}]"#, ["a/b 2.0"]),
      (
        "app/App.deps.json",
        #"{"libraries":{"App/1.0.0":{"type":"project"},"Newtonsoft.Json/12.0.1":{"type":"package"},"odd":{"type":"package"}}}"#,
        ["Newtonsoft.Json 12.0.1"]
      ),
    ] as [(String, String, [String])])
  func `are found where they are installed, and nowhere else`(path: String, content: String, expected: [String]) throws
  {
    #expect(try LanguageFile.packages(path, content) == expected)
  }

  @Test(arguments: [
    "a/node_modules/x/package.json", "vendor/composer/installed.json", "a.deps.json",
  ])
  func `whose records are broken are notices`(path: String) throws {
    let layer = try LanguageFile.inventory(path, Array("{\"libraries\":".utf8))
    #expect(layer.notices.map(\.kind) == [.unreadable])
    #expect(layer.artefacts.isEmpty)
  }

  @Test func `that a package of the operating system brings are judged by its advisories alone`() throws {
    let status = "Package: ruby-rack\nStatus: install ok installed\nVersion: 2.2.4-1\nArchitecture: all\n\n"
    let path = "usr/share/rubygems-integration/all/specifications/rack-2.2.4.gemspec"
    let files: [(String, String)] = [
      ("etc/os-release", "ID=debian\nVERSION_ID=12\n"), ("var/lib/dpkg/status", status),
      ("var/lib/dpkg/info/ruby-rack.list", "/.\n/usr\n/\(path)\n"),
      (path, "s.name = \"rack\"\ns.version = \"2.2.4\"\n"),
    ]
    let layer = try LayerReader.read(MemorySource(`Reading a layer`.archive(files.map { (path: $0.0, content: $0.1) })))
    let image = ImageInventory(folding: [layer])
    #expect(image.components.first { $0.component.type == .gem }?.ownedBy == "ruby-rack")
  }

  @Test(
    arguments: [
      (Component(.golang, name: "golang.org/x/net", version: "v0.7.0"), "0.7.0"),
      (Component(.golang, name: "x", version: ""), nil), (Component(.maven, name: "plain", version: "1"), nil),
      (Component(.maven, name: "g:a", version: "1"), "1"), (Component(.gem, name: "rack", version: "2.2.4"), "2.2.4"),
    ])
  func `are asked for as their advisories name them`(component: Component, version: String?) throws {
    switch AdvisorySubject.of(component, in: nil) {
    case .success(let subjects): #expect(subjects.map(\.version) == [version])
    case .failure: #expect(version == nil)
    }
  }
}
