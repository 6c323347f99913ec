import Foundation
import Ground
import Metadata
import OCI
import Scanning
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// Measures judging in a large registry, and asserts nothing:
/// `BERTH_SCALE_IMAGES=10000 swift test -c release --filter InspectionScaleTests`.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["BERTH_SCALE_IMAGES"] != nil))
struct `Inspection at scale` {
  private static let packagesOfImage = 200
  /// Different versions of packages in all of them.
  private static let packageCount = 40_000

  private static func use(_ number: Int) -> PackageUse {
    let (name, version) = ("package\(number % 8000)", "1.\(number / 8000).0-1")
    let record = PackageRecord(
      type: "deb", name: name, version: version, distribution: "debian:12", architecture: "amd64", sourceName: name,
      sourceVersion: version, subjects: [.init(ecosystem: "Debian:12", name: name, version: version)])
    return PackageUse(package: record, path: "var/lib/dpkg/status", layer: 0, ownedBy: nil)
  }

  private static func advisory(_ number: Int, fixed: String) throws -> Advisory {
    try OSVReader.advisory(
      try JSONValue.parse(
        #"{"id":"T-\#(number)","modified":"2026-01-01T00:00:00Z","aliases":["CVE-2026-\#(number)"],"affected":[{"package":{"ecosystem":"Debian:12","name":"package\#(number % 8000)"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"\#(fixed)"}]}]}]}"#
      ))
  }

  private static func timed(_ what: String, _ body: () async throws -> Void) async throws {
    var before = rusage()
    getrusage(0, &before)
    let begin = ContinuousClock.now
    try await body()
    var after = rusage()
    getrusage(0, &after)
    func seconds(_ usage: rusage) -> Double {
      Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
        / 1e6
    }
    let elapsed = ContinuousClock.now - begin
    FileHandle.standardError.write(
      Data("\(what): \(elapsed), CPU \(seconds(after) - seconds(before)) s\n".utf8))
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `an import re-judges what it touches`(kind: TestInstallation.Kind) async throws {
    let images = ProcessInfo.processInfo.environment["BERTH_SCALE_IMAGES"].flatMap { Int($0) } ?? 10_000
    try await InspectionStage.run(over: kind) { stage in
      let registry = stage.registry
      var chance = SystemRandomNumberGenerator()
      try await Self.timed("\(kind): \(images) images of \(Self.packagesOfImage) packages written") {
        for number in 0..<images {
          let digest = try Digest(parsing: "sha256:" + String(format: "%064x", number + 1))
          let due = try await registry.database.write { transaction in
            try transaction.registerImage(digest, layers: [])
            return try transaction.takeDueImages(limit: 1, until: transaction.now + .seconds(3600))
          }
          var record = ImageInventoryRecord(state: .inventoried)
          record.os = "debian"
          record.osVersion = "12"
          record.packages = (0..<Self.packagesOfImage).map { _ in
            Self.use(Int.random(in: 0..<Self.packageCount, using: &chance))
          }
          try await registry.writeInventories(due.map { ($0, record) })
        }
      }
      func bring(_ numbers: Range<Int>, fixed: String) async throws -> AdvisoryImportReport {
        try await AdvisoryImport.run(registry, feed: "scale", kind: "osv", expecting: numbers.count, isWhole: false) {
          work in
          for number in numbers { try await work.add(try Self.advisory(number, fixed: fixed)) }
        }
      }
      try await Self.timed("\(kind): first 20,000 advisories") { _ = try await bring(0..<20_000, fixed: "1.3.0-1") }
      try await Self.timed("\(kind): 2,000 new advisories") {
        let report = try await bring(20_000..<22_000, fixed: "1.4.0-1")
        FileHandle.standardError.write(Data("  \(report.findings)\n".utf8))
      }
      try await Self.timed("\(kind): 2,000 changed advisories") { _ = try await bring(0..<2000, fixed: "1.2.0-1") }
      let first = try Digest(parsing: "sha256:" + String(format: "%064x", 1))
      let row = try #require(try await registry.database.read { try $0.imageInventory(first) })
      try await Self.timed("\(kind): findings of one image of 200 packages, 20 times") {
        for _ in 0..<20 { _ = try await registry.report(on: row, in: stage.client.repository).findings }
      }
    }
  }
}
