import BlobStorage
import TestSupport
import Testing

/// The simulation is believed by every crash test, so it is held against what file systems do.
@Suite struct `A simulated disk` {
  private func disk(with content: [UInt8] = []) throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    _ = try disk.makeDirectory("/d")
    _ = try disk.makeDirectory("/e")
    try disk.syncDirectory("/")
    let file = try disk.open("/d/old", .create)
    try file.put(content)
    try file.sync()
    try disk.syncDirectory("/d")
    return disk
  }

  @Test func `keeps what was synced, whatever the seed`() throws {
    for seed in 0..<40 as Range<UInt64> {
      let disk = try disk(with: [1, 2, 3])
      disk.losePower(seed: seed)
      #expect(disk.content("/d/old") == [1, 2, 3])
    }
  }

  @Test func `may lose or keep a name whose directory was not synced`() throws {
    let outcomes = try Set(
      (0..<40 as Range<UInt64>).map { seed in
        let disk = try disk()
        try disk.open("/d/new", .create).sync()
        disk.losePower(seed: seed)
        return try disk.list("/d")
      })
    #expect(outcomes == [["old"], ["new", "old"]])
  }

  @Test func `may lose or keep a rename, but never half of it`() throws {
    let outcomes = try Set(
      (0..<40 as Range<UInt64>).map { seed in
        let disk = try disk()
        try disk.rename("/d/old", to: "/e/new")
        disk.losePower(seed: seed)
        return try disk.list("/d") + disk.list("/e")
      })
    #expect(outcomes == [["old"], ["new"]])
  }

  @Test(arguments: ["/d", "/e"])
  func `keeps a rename once one of its directories is synced`(directory: String) throws {
    for seed in 0..<20 as Range<UInt64> {
      let disk = try disk()
      try disk.rename("/d/old", to: "/e/new")
      try disk.syncDirectory(directory)
      disk.losePower(seed: seed)
      #expect(try disk.list("/d") + disk.list("/e") == ["new"])
    }
  }

  @Test func `may bring an unlinked file back until its directory is synced`() throws {
    var returned = 0
    for seed in 0..<40 as Range<UInt64> {
      let disk = try disk()
      try disk.unlink("/d/old")
      disk.losePower(seed: seed)
      returned += try disk.list("/d").count
    }
    #expect((1..<40).contains(returned))
  }

  @Test func `loses a directory with all that was made in it when its parent was not synced`() throws {
    let disk = SimulatedDisk()
    _ = try disk.makeDirectory("/d")
    try disk.open("/d/file", .create).sync()
    try disk.syncDirectory("/d")
    disk.losePower(seed: 0)
    #expect(throws: DiskError.self) { try disk.list("/d") }
  }

  @Test func `tears what was written and not synced`() throws {
    let old: [UInt8] = [9, 9, 9, 9]
    let new: [UInt8] = [1, 2, 3, 4, 5, 6]
    let outcomes = try Set(
      (0..<200 as Range<UInt64>).map { seed in
        let disk = try disk(with: old)
        try disk.open("/d/old", .write).put(new)
        disk.losePower(seed: seed)
        return disk.content("/d/old") ?? []
      })
    #expect(outcomes.isSuperset(of: [old, new, [0, 0, 0, 0, 0, 0], [1, 2, 3, 9], [1, 2, 3, 0, 0, 0]]))
  }

  @Test func `does not write what a failed sync has dropped`() throws {
    let disk = try disk(with: [7])
    let file = try disk.open("/d/old", .write)
    try file.put([8, 8])
    disk.setFault(DiskFault(operation: 0, code: DiskFault.inputOutput, lasts: false))
    #expect(throws: DiskError.self) { try file.sync() }
    try file.sync()
    #expect(disk.content("/d/old") == [8, 8])
    disk.losePower(seed: 1)
    #expect(disk.content("/d/old") == [7])
  }

  @Test func `refuses everything once its power is cut`() throws {
    let disk = try disk(with: [1])
    let file = try disk.open("/d/old", .write)
    disk.power.cut()
    #expect(throws: DiskError.powerCut) { try disk.list("/d") }
    #expect(throws: DiskError.powerCut) { try file.size() }
    disk.losePower(seed: 0)
    #expect(throws: DiskError.powerCut) { try file.put([2]) }
    #expect(try disk.list("/d") == ["old"])
  }

  @Test func `fails once or for ever, and what needs no space not for want of it`() throws {
    let disk = try disk(with: [1])
    disk.setFault(DiskFault(operation: 0, code: DiskFault.noSpace, lasts: false))
    #expect(try disk.list("/d") == ["old"])
    #expect(throws: DiskError.self) { try disk.open("/d/new", .create) }
    _ = try disk.open("/d/new", .create)
    disk.setFault(DiskFault(operation: 1, code: DiskFault.inputOutput, lasts: true))
    _ = try disk.list("/d")
    for _ in 0..<3 { #expect(throws: DiskError.self) { try disk.list("/d") } }
    #expect(disk.faultsAnswered == 3)
  }
}

extension DiskFile {
  fileprivate func put(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0, at: 0) } }
}
