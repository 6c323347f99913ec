import Testing

/// The order of the house: who may know whom, and what every room and every file must be like.
@Suite struct HouseTests {
  @Test("a module imports only what its row of the table allows", arguments: ModuleTable.rules)
  func imports(_ rule: ModuleRule) throws {
    let files = try SourceTree.swiftFiles(in: "Sources/\(rule.name)")
    try #require(!files.isEmpty)
    for file in files {
      for module in file.imports {
        #expect(rule.ours.union(rule.others).contains(module), "\(file.path) imports \(module)")
      }
    }
  }

  @Test("the table has a row for every Swift target, and only for those")
  func rows() throws {
    let folders = try SourceTree.folders(in: "Sources").filter { name in
      try !SourceTree.swiftFiles(in: "Sources/\(name)").isEmpty
    }
    #expect(folders.sorted() == ModuleTable.names.sorted())
  }

  @Test("the arrows of the table have no circle")
  func noCircles() {
    let rules = Dictionary(uniqueKeysWithValues: ModuleTable.rules.map { ($0.name, $0.ours) })
    func reaches(_ name: String, _ target: String, _ depth: Int = 0) -> Bool {
      guard depth <= rules.count else { return true }
      return (rules[name] ?? []).contains { $0 == target || reaches($0, target, depth + 1) }
    }
    for name in ModuleTable.names { #expect(!reaches(name, name), "\(name) reaches itself") }
  }

  @Test("what the package file lets a target depend on is what the table lets it import", arguments: ModuleTable.rules)
  func packageArrows(_ rule: ModuleRule) throws {
    // One piece for each target, from its name on.
    let targets = try SourceTree.text("Package.swift").split(separator: "arget(").map { piece in
      piece.split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false).dropFirst()
    }
    let target = try #require(targets.first { $0.first == rule.name[...] && $0.count == 2 }).last ?? ""
    for other in ModuleTable.names where !rule.ours.contains(other) {
      #expect(!target.contains("\"\(other)\""), "\(rule.name) depends on \(other)")
    }
  }

  @Test("every kind of record that is written is listed, and every one that is listed is written")
  func kindsOfRecords() throws {
    let list = "Sources/Metadata/Statements/Access/AuditKinds.swift"
    let listed = try SourceTree.text(list).matches(of: /"([a-z]+(?:\.[a-z]+)*)"/).map { String($0.1) }
    var written: Set<String> = []
    for file in try SourceTree.swiftFiles(in: "Sources") where file.path != list {
      let pieces = file.lines.joined(separator: "\n").split(separator: "(", omittingEmptySubsequences: false)
      for (called, given) in zip(pieces, pieces.dropFirst())
      where ["AuditEntry", "record", "note"].contains(where: { called.hasSuffix($0) }) {
        // One kind, or one of two.
        guard let found = given.prefixMatch(of: /\s*(?:[A-Za-z.]+ \? )?"([a-z.]+)"(?: : "([a-z.]+)")?/) else {
          continue
        }
        written.formUnion([found.1, found.2 ?? found.1].map(String.init))
      }
    }
    #expect(written.sorted() == listed.sorted())
  }

  @Test("no product is built with what only tests need")
  func testSupportStaysOut() throws {
    for rule in ModuleTable.rules where rule.name != "TestSupport" {
      #expect(!rule.ours.contains("TestSupport"))
      #expect(!rule.others.contains("Foundation"), "full Foundation costs start-up time and memory")
    }
  }

  @Test("every target opens with a page that says what it is and what does not belong", arguments: ModuleTable.rules)
  func openingPage(_ rule: ModuleRule) throws {
    let text = try SourceTree.text("Sources/\(rule.name)/README.md")
    #expect(text.hasPrefix("# \(rule.name)\n"))
    #expect(text.count > 80, "the page says nothing")
  }

  @Test("a file is short enough to be read at once", arguments: ["Sources", "Tests"])
  func fileLength(_ folder: String) throws {
    for file in try SourceTree.swiftFiles(in: folder) {
      #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count) lines")
    }
  }

  @Test("nothing is tried by force, and nothing is left for later", arguments: ["Sources", "Tests"])
  func noShortcuts(_ folder: String) throws {
    // Put together here, so that this file does not find itself.
    let marks = ["try" + "!", "TO" + "DO", "FIX" + "ME", "XX" + "X:"]
    for file in try SourceTree.swiftFiles(in: folder) {
      for (index, line) in file.lines.enumerated() {
        for mark in marks { #expect(!line.contains(mark), "\(file.path):\(index + 1)") }
      }
    }
  }

  @Test(
    "the house has its papers",
    arguments: ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", ".ci/run", "Makefile"])
  func papers(_ path: String) {
    #expect(SourceTree.exists(path))
  }

  /// A proxy that passes one of them on lets a client choose its own address, or where others are sent.
  @Test("every header that is believed of a proxy is set by the proxies that we show")
  func forwardedHeaders() throws {
    let believed = try SourceTree.swiftFiles(in: "Sources/HTTPService").flatMap(\.lines).flatMap { line in
      line.split(separator: "\"").filter { $0 == "forwarded" || $0.hasPrefix("x-forwarded-") }.map(String.init)
    }
    try #require(Set(believed).count == 5, "\(believed)")
    for path in ["deploy/balancer.conf", "docs/operations.md"] {
      let text = try SourceTree.text(path).lowercased()
      for header in Set(believed) {
        #expect(text.contains("proxy_set_header \(header) "), "\(path) passes \(header) on")
      }
    }
  }

  @Test("every figure of /metrics is in the manual, and no other")
  func figures() throws {
    // A name, and after it what it means. Claims and secrets have such names too.
    let files = try SourceTree.swiftFiles(in: "Sources").filter { file in
      !["Access/Credentials/", "Scanning/Secrets/"].contains { file.path.contains($0) }
    }
    let made = files.flatMap(\.lines).flatMap { line in
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
      return zip(parts, parts.dropFirst()).filter { isFigure($0) && $1.hasPrefix(", ") }.map { String($0.0) }
    }
    let told = try SourceTree.text("docs/operations.md").split(separator: "\n").compactMap { line -> String? in
      guard line.hasPrefix("| `"), let name = line.dropFirst(3).split(separator: "`").first else { return nil }
      return isFigure(name) ? String(name) : nil
    }
    #expect(made.count > 30)
    #expect(Set(made).symmetricDifference(told).sorted() == [])
  }

  private func isFigure(_ text: Substring) -> Bool { text.hasPrefix("berth_") || text.hasPrefix("registry_") }

  /// What a header of ours includes of the system becomes ours to the compiler: Swift then asks whoever uses a timespec to import it,
  /// in some builds and not in others.
  @Test("headers of C targets include of the system only what has no types of it")
  func plainHeaders() throws {
    let known: Set = ["stdbool.h", "stddef.h", "stdint.h"]
    for path in ["CLinux/include/CLinux.h", "CLinux/include/Confinement.h", "CISAL/include/CISAL.h"] {
      let lines = try SourceTree.text("Sources/\(path)").split(separator: "\n")
      for line in lines where line.hasPrefix("#include <") {
        let name = line.dropFirst("#include <".count).prefix { $0 != ">" }
        #expect(known.contains(String(name)), "\(path) includes \(name)")
      }
    }
  }

  @Test("the tests that the list of published vulnerabilities names are there")
  func namedTests() throws {
    let text = try SourceTree.text("docs/hostile.md")
    let named = Set(text.matches(of: /`([A-Za-z0-9]+Tests)`/).map { String($0.1) })
    let files = try SourceTree.swiftFiles(in: "Tests").map(\.path)
    try #require(named.count > 20)
    for name in named.sorted() {
      #expect(files.contains { $0.hasSuffix("/\(name).swift") || $0.contains("Tests/\(name)/") }, "\(name)")
    }
  }
}
