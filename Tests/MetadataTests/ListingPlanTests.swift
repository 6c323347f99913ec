import OCI
import TestSupport
import Testing

@testable import Metadata

/// What a page costs must not depend on how much there is before and after it.
@Suite struct `A page of a list` {
  @Test func `costs looks into an index, whatever the size of the registry`() async throws {
    let name = try RepositoryName(parsing: "acme/api")
    let digest = try Digest(parsing: "sha256:" + String(repeating: "ab", count: 32))
    let database = try SQLiteDatabase.inMemory()
    let pages: [SQL] = [
      Transaction.tagPage(in: RepositoryID(value: 1), after: "1.0", limit: 100),
      Transaction.cataloguePage(after: "acme/api", before: nil, limit: 100),
      Transaction.cataloguePage(after: "acme/api", before: "acme0", limit: 100),
      Transaction.referrersPage(of: digest, in: name, artifactType: nil, after: digest, limit: 100),
      Transaction.firstSubject(beginningWith: "sha512:abcd", in: name),
    ]
    for page in pages {
      let plan = try await database.read { try $0.all("EXPLAIN QUERY PLAN \(page)") { $0.text(3) } }
      // What was found is walked over, and nothing else; and it comes in its order.
      let walks = plan.filter { $0.hasPrefix("SCAN") && !$0.hasPrefix("SCAN page") || $0.contains("TEMP B-TREE") }
      #expect(walks.isEmpty && plan.contains { $0.hasPrefix("SEARCH") }, "\(page.text): \(plan)")
    }
  }
}
