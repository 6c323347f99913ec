import Foundation
import TestSupport
import Testing

extension EndToEnd {
  @Suite struct IdleAccessTests {
    @Test("what gives nothing any more is told at the start, and why")
    func told() async throws {
      let workspace = try Workspace()
      defer { workspace.remove() }
      let issuer = "http://127.0.0.1:1/ci"
      let before = try ServerProcess(
        dataDirectory: workspace.file("data"), isOpen: false, environment: ["BERTH_ACCESS_JOB_ISSUERS": issuer])
      let after = try ServerProcess(dataDirectory: workspace.file("data"), address: before.address, isOpen: false)
      do {
        try await before.start()
        let administrator = try await Administrator(before, workspace)
        try await administrator.shell(
          """
          berth namespace create acme
          berth trust add acme main --issuer \(issuer) --claim repository=acme/api --role writer
          """)
        try await before.stop()
        #expect(!before.story.contains("take no jobs"))
        try await after.start()
        try await eventually("the log tells of the rule") {
          after.story.split(separator: "\n").contains {
            $0.contains("trust rules take no jobs") && $0.contains("warning") && $0.contains("acme")
          }
        }
        let listed = try await administrator.berth("trust", "list", "acme")
        #expect(listed.text.contains("PROBLEM") && listed.text.contains("does not accept its issuer any more"))
        try await after.stop()
      } catch {
        await before.killHard()
        await after.killHard()
        throw error
      }
    }
  }
}
