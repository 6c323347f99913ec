import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

@Suite struct `A query` {
  private static let now = SearchModel.base + .seconds(30 * 86_400)

  private static func parse(_ text: String) throws -> SearchQuery { try SearchQuery(parsing: text, now: now) }

  private static func day(_ text: String) -> Timestamp { Timestamp(parsing: text + "T00:00:00Z") ?? .distantPast }

  @Test(
    arguments: [
      ("", .all([])), ("Pay", .term(.word("pay"))), ("\"a b\"", .term(.word("a b"))), ("pay*", .term(.word("pay"))),
      ("\"registry:5000\"", .term(.word("registry:5000"))),
      ("a b", .all([.term(.word("a")), .term(.word("b"))])), ("a AND b", .all([.term(.word("a")), .term(.word("b"))])),
      ("a b OR c", .any([.all([.term(.word("a")), .term(.word("b"))]), .term(.word("c"))])),
      ("a (b OR c)", .all([.term(.word("a")), .any([.term(.word("b")), .term(.word("c"))])])),
      ("-a", .not(.term(.word("a")))), ("NOT (a b)", .not(.all([.term(.word("a")), .term(.word("b"))]))),
      ("a-b", .term(.word("a-b"))), ("and or", .all([.term(.word("and")), .term(.word("or"))])),
      ("repo:ACME/*", .term(.repository(SearchPattern(text: "acme/*")))),
      ("TAG:2.*", .term(.tag(SearchPattern(text: "2.*")))),
      ("label:team", .term(.label(key: "team", value: nil))),
      ("label:team=Pay", .term(.label(key: "team", value: .exactly("Pay")))),
      ("label:\"team=a b\"", .term(.label(key: "team", value: .exactly("a b")))),
      ("label:team=Pay*", .term(.label(key: "team", value: .like(SearchPattern(text: "pay*"))))),
      ("env:production", .term(.environment("production"))), ("by:al*", .term(.by("al", isPrefix: true))),
      ("platform:linux/ARM64", .term(.platform("linux/arm64"))), ("base:debian", .term(.base("debian"))),
      ("size:>500MB", .term(.size(SearchBounds(from: 500_000_001)))),
      ("size:1KiB..1.5KiB", .term(.size(SearchBounds(from: 1024, before: 1537)))),
      ("version:2.1", .term(.version(SearchBounds(from: "b2b1", before: "b2b1~")))),
      ("version:>=2.1,<3", .term(.version(SearchBounds(from: "b2b1", before: "b3")))),
      ("version:2.1.3..2.1.3", .term(.version(SearchBounds(from: "b2b1b3~", before: "b2b1b3~!")))),
      ("size:5..5", .term(.size(SearchBounds(from: 5, before: 6)))),
      ("size:>5,<7", .term(.size(SearchBounds(from: 6, before: 7)))),
      ("version:1.2.3", .term(.version(SearchBounds(from: "b1b2b3~", before: "b1b2b3~!")))),
    ] as [(String, SearchCondition)]) func `is read as it is meant`(text: String, condition: SearchCondition) throws
  {
    #expect(try Self.parse(text).condition == condition)
  }

  @Test func `counts ages from now and days from their beginning`() throws {
    func bounds(_ text: String) throws -> SearchBounds<Timestamp>? {
      guard case .term(.built(let bounds)) = try Self.parse(text).condition else { return nil }
      return bounds
    }
    let age = Self.now - .seconds(86_400)
    #expect(try bounds("built:<1d")?.contains(age) == false)
    #expect(try bounds("built:<=1d")?.contains(age) == true)
    #expect(try bounds("built:>1d") == SearchBounds(before: age))
    #expect(
      try bounds("built:2026-11-01..2026-11-15")
        == SearchBounds(from: Self.day("2026-11-01"), before: Self.day("2026-11-16")))
    #expect(try bounds("built:>2026-11-01") == SearchBounds(from: Self.day("2026-11-02")))
    #expect(try bounds("built:<2026-11-01") == SearchBounds(before: Self.day("2026-11-01")))
    #expect(
      try bounds("built:2026-11-01") == SearchBounds(from: Self.day("2026-11-01"), before: Self.day("2026-11-02")))
  }

  @Test func `has an order, and may be about what has no tag`() throws {
    #expect(try Self.parse("a").sort == .usual)
    #expect(try Self.parse("sort:-size a").sort == SearchSort(key: .size, isDescending: true))
    #expect(try Self.parse("a sort:name").sort == SearchSort(key: .name, isDescending: false))
    #expect(try Self.parse("untagged:yes").isForUntagged)
    #expect(try !Self.parse("untagged:no a").isForUntagged)
    #expect(try Self.parse("sort:name OR a").condition == .term(.word("a")))
  }

  @Test(
    arguments: [
      ("tga:2", 1, "did you mean tag:?"), ("a platfrom:x", 3, "did you mean platform:?"),
      ("nothing:x", 1, "fields are repo, tag"), ("(a", 1, "never closed"), ("a)", 2, "never opened"),
      ("a OR", 3, "something must follow"), ("OR a", 1, "something must stand before"),
      ("()", 2, "before this parenthesis"),
      ("-", 1, "something must follow"), ("a \"b", 3, "never closed"), ("repo:", 6, "needs a value"),
      ("version:abc", 9, "version:>=2.1,<3"), ("version:>=2,abc", 13, "version:>=2.1,<3"),
      ("size:many", 6, "size:>500MB"),
      ("built:soon", 7, "built:<30d"), ("pushed:2026-02-30", 8, "pushed:2026-11-01"),
      ("acme/web:2.3.1", 1, "found by repo:acme/web tag:2.3.1"), ("acme/web:2:3", 1, "fields are repo, tag"),
      ("repo:acme/*+sort:pushed", 6, "“+sort:”"), ("by:acme+ci+NOT+Tag:1", 4, "a space is %20"),
      ("*web", 1, "such as repo:*web"), ("we*b*", 1, "such as repo:*we*b"), ("sort:taste", 6, "sorted by"),
      ("sort:name sort:size", 11, "twice"), ("(sort:name)", 2, "outside of parentheses"),
      ("untagged:maybe", 10, "yes or no"),
      ("-untagged:yes", 2, "outside"), ("untagged:yes OR a", 1, "beside OR"), ("untagged:yes tag:2", 14, "without one"),
      ("a*b", 1, "from its beginning"), ("by:a*b", 4, "at the end"), ("repo:*********", 6, "stars"),
      ("\"\"", 1, "empty"),
      ("platform:/x", 10, "linux/arm64"), ("label:=x", 7, "team=payments"), ("env:a/b", 5, "no environment"),
      ("version:>3,<2", 12, "ends before it begins"), ("version:2.1..1.0", 9, "ends before it begins"),
      ("version:>=2,<3,<2", 16, "with what stands before it"), ("version:2.1,2.2", 13, "ends before it begins"),
      ("a pushed:2026-11-15..2026-11-01", 10, "as in pushed:2026-11-01"),
      ("built:>2026-11-15,<2026-11-01", 19, "ends before"),
      ("size:>2GB,<1GB", 11, "ends before it begins"), ("size:>5,<6", 9, "ends before it begins"),
      ("severity:>critical", 10, "no such severity"), ("severity:<unknown", 10, "unknown, negligible, low"),
      ("a \u{1}b", 3, "cannot be searched"),
      (String(repeating: "(", count: 40), 18, "deep"), (String(repeating: "-", count: 40) + "a", 18, "deep"),
      (String(repeating: "a ", count: 33), 65, "at most 32"),
      (String(repeating: "a", count: 2001), 1, "at most 2000 bytes"),
      (String(repeating: "a", count: 65), 1, "at most 64 bytes"),
    ] as [(String, Int, String)]) func `says what is wrong, and where`(text: String, column: Int, message: String)
  {
    do {
      let query = try Self.parse(text)
      Issue.record("was read as \(query)")
    } catch let error as SearchError {
      #expect(error.column == column, "\(error)")
      #expect(error.message.contains(message), "\(error)")
    } catch { Issue.record(error) }
  }

  @Test(
    arguments: [
      ("acme/web-api", ["acme/web-api", "web-api", "api"]), ("2.3.1-Alpine", ["2.3.1-alpine", "alpine"]),
      ("_x", ["_x", "x"]),
      ("", []), ("Größe 2", ["größe 2", "2"]), ("a.b.c", ["a.b.c", "b.c", "c"]), ("a\u{0}b", ["ab"]),
    ]) func `looks for words from where they begin`(text: String, words: [String])
  {
    #expect(SearchWords.of(text) == words)
  }

  @Test func `of words has bounds`() {
    #expect(SearchWords.of(String(repeating: "a ", count: 100)).count <= SearchWords.wordLimit)
    #expect(
      SearchWords.of(String(repeating: "ä", count: 100)).allSatisfy { $0.utf8.count <= SearchWords.lengthLimitBytes })
  }

  @Test func `never stops the process, whatever it is`() {
    let chance = SeededRandom(seed: 3)
    let pieces = [
      "a", "repo:", "tag:*", "version:>=", "..", ",", "<", "=", "size:", "1e308gb", "nan", "0x1p3mb", "built:",
      "99999d", "(",
      ")", "-", "\"", "OR ", "AND ", "NOT ", " ", "\u{0}", "é", "\u{301}", "sort:-", "name", "untagged:yes", "label:",
      "🚢",
      "2026-11-01", "2026-11-01T00:00:00Z", "v1.2.3-rc.1", "18446744073709551616",
    ]
    for _ in 0..<20_000 {
      let text = (0...chance.next() % 9).map { _ in pieces[Int(chance.next() % UInt64(pieces.count))] }.joined()
      do { _ = try Self.parse(text) } catch let error as SearchError {
        #expect((1...text.count + 1).contains(error.column), "\(text): \(error)")
      } catch { Issue.record(error) }
    }
  }
}
