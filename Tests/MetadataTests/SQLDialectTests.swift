import Testing

@testable import Metadata

@Suite struct `A statement's text` {
  @Test(arguments: [
    (SQLDialect.sqlite, "SELECT a FROM b WHERE c = ? AND instr(d, ?) > 0 "),
    (.postgreSQL, "SELECT a FROM b WHERE c = $1 AND strpos(d, $2) > 0 FOR UPDATE"),
  ]) func `is spelled as its database spells it`(dialect: SQLDialect, expected: String) {
    #expect(dialect.render("SELECT a FROM b WHERE c = ? AND {POSITION}(d, ?) > 0 {LOCK ALONE}") == expected)
  }

  @Test(arguments: ["", "{", "}", "{}", "{OTHER}", "{ID", "é {ünknown} é", "'{' {"])
  func `keeps braces around what is no word`(text: String) {
    #expect(SQLDialect.sqlite.render(text) == text)
    #expect(SQLDialect.postgreSQL.render(text) == text)
  }
}
