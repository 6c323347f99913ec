import BlobStorage
import Ground
import Metadata
import NIOCore
import OCI
import RegistryCore
import Scanning
import Synchronization
import TestSupport
import Testing

@testable import Upkeep

/// The power goes before each change that disk or database make while layers are read, images are folded and advisories come in: an
/// inventory is whole or absent, and what was under way is picked up again.
@Suite struct `A power cut under an inspection` {
  private static let app = InspectionStage.layer([("app/x-1.0.dist-info/METADATA", "Name: x\nVersion: 1.0\n")])
  /// So large that what was read before it is written before it is read.
  private static let large = InspectionStage.layer([
    ("app/y-2.0.dist-info/METADATA", "Name: y\nVersion: 2.0\n"),
    ("app/data", String(repeating: "data", count: Int(Upkeep.Inspection.largeLayerBytes) / 3)),
  ])
  private static let layers = [
    [InspectionStage.base, app], [InspectionStage.base, app, large],
  ]
  private static let packages = [["curl", "x", "zlib"], ["curl", "x", "y", "zlib"]]
  private static let images = layers.map { SampleManifest.image(config: InspectionStage.config, layers: $0) }
  private static let files: [[UInt8]] = [[1, 2, 3], [4]]

  /// Also tells the files of a layer, of which parts could be lost. What it has read it knows: a run follows the other.
  private struct ListingInspector: LayerInspector {
    private static let known = Mutex<[Digest: LayerInventory]>([:])

    func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
      let digest = SampleBlob(Array(buffer: try await layer.collect())).digest
      if let inventory = Self.known.withLock({ $0[digest] }) {
        return InspectedLayer(inventory: inventory, files: files)
      }
      let inventory = try await DirectInspector().inspect(layer).inventory
      Self.known.withLock { $0[digest] = inventory }
      return InspectedLayer(inventory: inventory, files: files)
    }
  }

  enum Scenario: String, CaseIterable, CustomTestStringConvertible {
    case first, again

    var testDescription: String {
      switch self {
      case .first: "images are read for the first time, and an advisory comes in"
      case .again: "layers are read again by newer cataloguers"
      }
    }
  }

  private static func stage(_ machine: SimulatedMachine) async throws -> InspectionStage {
    let registry = try await machine.start()
    return InspectionStage(registry: registry, client: try SimulatedClient(registry, "acme/api"))
  }

  private static func inspection(_ stage: InspectionStage, _ machine: SimulatedMachine) -> Upkeep.Inspection {
    Upkeep.Inspection(
      registry: stage.registry, inspector: ListingInspector(), logger: .silent, time: machine.clock)
  }

  private static func inspect(_ stage: InspectionStage, _ machine: SimulatedMachine) async throws {
    let work = inspection(stage, machine)
    while try await stage.registry.readDueFacts() > 0 {}
    while try await work.step() > 0 {}
  }

  private static func prepare(_ scenario: Scenario, _ machine: SimulatedMachine) async throws {
    let stage = try await stage(machine)
    for (number, layers) in layers.enumerated() { _ = try await stage.push(layers, as: .sample("\(number)")) }
    guard scenario == .again else { return }
    try await inspect(stage, machine)
    try await stage.bring([InspectionStage.advisory()], whole: true)
    // What was read is of an older set.
    for layer in Set(layers.joined().map(\.digest)) {
      let inventory = try #require(try await machine.database.read { try $0.layerInventory(layer) })
      try await machine.database.write { transaction in
        try transaction.lockInspection()
        try transaction.writeLayer(
          layer, revision: 0, .read(inventory: inventory, files: files, entries: 1, uncompressedBytes: 1))
      }
    }
    try await inspect(stage, machine)
  }

  private static func act(_ scenario: Scenario, _ machine: SimulatedMachine) async throws {
    let stage = try await stage(machine)
    if scenario == .again { _ = try await inspection(stage, machine).renew() }
    try await inspect(stage, machine)
    try await stage.bring([InspectionStage.advisory()], whole: true)
  }

  @Test(arguments: Scenario.allCases, [nil, 0, 3] as [UInt64?])
  func `leaves inventories whole or absent`(scenario: Scenario, keptBySeed seed: UInt64?) async throws {
    var cut = 0
    while try await !Self.run(scenario, cut, seed) { cut += 1 }
    #expect(cut > 4)
  }

  /// - Returns: whether all was done before the cut.
  private static func run(_ scenario: Scenario, _ cut: Int, _ seed: UInt64?) async throws -> Bool {
    let machine = try SimulatedMachine()
    try await prepare(scenario, machine)
    machine.disk.endProcess(next: PowerSwitch(cutBefore: cut))
    do {
      try await act(scenario, machine)
    } catch let error as DiskError where error == .powerCut {}
    let isThrough = machine.disk.power.isOn
    machine.disk.power.cut()
    if let seed { machine.disk.losePower(seed: seed) } else { machine.disk.endProcess() }
    let stage = try await stage(machine)
    let when = "cut before change \(cut)"
    let known = try await checked(stage, when)
    if scenario == .again { #expect(known == images.count, "\(when)") }
    #expect(try await machine.contradictions() == [], "\(when)")

    // Whoever had something in hand is gone; after its term others take it.
    machine.clock.advance(by: max(Upkeep.Inspection.layerTerm, Upkeep.Inspection.imageTerm) + .seconds(1))
    try await act(scenario, machine)
    #expect(try await checked(stage, "\(when), and after it") == images.count)
    let counts = try await stage.registry.inspectionCounts()
    #expect(counts.layersWaiting == 0 && counts.layersFailed == 0 && counts.findings == 1, "\(when): \(counts)")
    for image in images {
      #expect(try await stage.findings(image).map(\.vulnerability) == ["CVE-2026-1"], "\(when)")
    }
    let isCurrent = try await inspection(stage, machine).renew() == 0
    #expect(isCurrent, "\(when): something is of an older set still")
    return isThrough
  }

  /// Expects of each image that nothing is known of it, or everything. Answers of how many everything is.
  private static func checked(_ stage: InspectionStage, _ when: String) async throws -> Int {
    let isAdvised = try await stage.registry.knownVulnerability("CVE-2026-1") != nil
    var count = 0
    for (image, packages) in zip(images, packages) {
      guard let row = try await stage.registry.database.read({ try $0.imageInventory(image.digest) }) else { continue }
      let contents = try await stage.registry.contents(of: row)
      let findings = try await stage.registry.report(on: row, in: stage.client.repository).findings
      if row.state == .waiting {
        #expect(contents.packages.isEmpty && findings.isEmpty, "\(when)")
      } else {
        count += 1
        #expect(row.state == .inventoried, "\(when): \(row)")
        #expect(contents.packages.map(\.name).sorted() == packages, "\(when)")
        #expect(findings.map(\.vulnerability) == (isAdvised ? ["CVE-2026-1"] : []), "\(when)")
        #expect(contents.layers.allSatisfy { $0.state == "read" }, "\(when)")
      }
      for layer in contents.layers {
        let kept = try await stage.registry.database.read {
          (inventory: try $0.layerInventory(layer.digest), files: try $0.layerFileList(layer.digest))
        }
        #expect(kept.files == (layer.state == "read" ? files : []), "\(when): \(layer)")
        if let inventory = kept.inventory { _ = try LayerInventory(decoding: inventory) }
        #expect((kept.inventory != nil) == (layer.state == "read"), "\(when): \(layer)")
      }
    }
    return count
  }
}
