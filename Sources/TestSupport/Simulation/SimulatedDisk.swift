public import BlobStorage
import Synchronization

/// A disk in memory that knows what a power cut would leave of it, and that fails where it is told to.
///
/// A life of the machine ends by ``losePower(seed:)`` or ``endProcess()``; files that were open are dead from then on.
public final class SimulatedDisk: Disk {
  fileprivate struct State {
    var system = SimulatedFileSystem()
    var power: PowerSwitch
    var life = 0
    var fault: DiskFault?
    var operations = 0
    var faultsAnswered = 0
    var between: (@Sendable (DiskOperation, String) -> Void)?
  }
  private let state: Mutex<State>

  public init(power: PowerSwitch = PowerSwitch()) { state = Mutex(State(power: power)) }

  /// Another disk with the same content, durable and not.
  public func copy(power: PowerSwitch = PowerSwitch()) -> SimulatedDisk {
    let copy = SimulatedDisk(power: power)
    let system = state.withLock { $0.system }
    copy.state.withLock { $0.system = system }
    return copy
  }

  public var power: PowerSwitch { state.withLock { $0.power } }

  /// Cuts the power, and switches it on again: what was not synced is kept, lost or half kept as the seed chooses.
  public func losePower(seed: UInt64, next power: PowerSwitch = PowerSwitch()) {
    state.withLock { state in
      state.power.cut()
      state.system.losePower(seed: seed)
      state.power = power
      state.life += 1
    }
  }

  /// Ends the process but not the machine: nothing is lost, and nothing is durable by it.
  public func endProcess(next power: PowerSwitch = PowerSwitch()) {
    state.withLock { state in
      state.power.cut()
      state.power = power
      state.life += 1
    }
  }

  /// What fails from now on; nil heals the disk. The count of operations begins anew.
  public func setFault(_ fault: DiskFault?) {
    state.withLock { state in
      state.fault = fault
      state.operations = 0
      state.faultsAnswered = 0
    }
  }

  /// How many failures were answered since the fault was set.
  public var faultsAnswered: Int { state.withLock { $0.faultsAnswered } }

  /// Is called before each operation, by the thread that makes it: what it does comes between two operations.
  public func setBetween(_ body: (@Sendable (DiskOperation, String) -> Void)?) { state.withLock { $0.between = body } }

  /// Writes into a file behind the store's back, durably, as a failing medium would.
  public func damage(_ path: String, at offset: Int, with bytes: [UInt8]) {
    state.withLock { state in
      guard let file = state.system.file(path) else { return }
      state.system.write(.write(offset, bytes), to: file)
      state.system.sync(file)
    }
  }

  /// The whole content of a file, or nil when there is none.
  public func content(_ path: String) -> [UInt8]? {
    state.withLock { state in state.system.file(path).flatMap { state.system.files[$0]?.content } }
  }

  /// The paths of all files below a directory, sorted: for an oracle, without an operation.
  public func files(below directory: String) -> [String] {
    let found = state.withLock { state in
      state.system.names.filter { $0.value != .directory && $0.key.hasPrefix(directory + "/") }
    }
    return found.keys.sorted()
  }

  // MARK: - Disk

  public func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
    let isThere = state.withLock { $0.system.file(path) != nil }
    let operation: DiskOperation = mode == .create && !isThere ? .create : .open
    return try perform(operation, path) { state throws(DiskError) in
      if let file = state.system.file(path) {
        return SimulatedFile(self, file, path, state.life, writable: mode != .read)
      }
      let parent = SimulatedFileSystem.parent(of: path)
      guard mode == .create, state.system.isDirectory(parent), !state.system.isDirectory(path) else {
        throw DiskError(operation: "open", path: path, code: Self.missing)
      }
      return SimulatedFile(self, state.system.makeFile(path), path, state.life, writable: true)
    }
  }

  public func syncDirectory(_ path: String) throws(DiskError) {
    try perform(.syncDirectory, path) { state throws(DiskError) in
      try Self.requireDirectory(path, state)
      state.system.syncDirectory(path)
    }
  }

  public func rename(_ source: String, to target: String) throws(DiskError) {
    try perform(.rename, source) { state throws(DiskError) in
      guard state.system.file(source) != nil else {
        throw DiskError(operation: "rename", path: source, code: Self.missing)
      }
      try Self.requireDirectory(SimulatedFileSystem.parent(of: target), state)
      state.system.rename(source, to: target)
    }
  }

  public func unlink(_ path: String) throws(DiskError) {
    try perform(.unlink, path) { state throws(DiskError) in
      guard state.system.file(path) != nil else { throw DiskError(operation: "unlink", path: path, code: Self.missing) }
      state.system.unlink(path)
    }
  }

  public func list(_ directory: String) throws(DiskError) -> [String] {
    try perform(.list, directory) { state throws(DiskError) in
      try Self.requireDirectory(directory, state)
      return state.system.list(directory)
    }
  }

  public func makeDirectory(_ path: String) throws(DiskError) -> Bool {
    let isThere = state.withLock { $0.system.isDirectory(path) }
    return try perform(isThere ? .open : .makeDirectory, path) { state throws(DiskError) in
      if state.system.isDirectory(path) { return false }
      try Self.requireDirectory(SimulatedFileSystem.parent(of: path), state)
      state.system.makeDirectory(path)
      return true
    }
  }

  private static let missing: Int32 = 2

  private static func requireDirectory(_ path: String, _ state: borrowing State) throws(DiskError) {
    guard state.system.isDirectory(path) else { throw DiskError(operation: "directory", path: path, code: missing) }
  }

  /// Counts one operation, fails it when its turn has come, and makes it otherwise.
  ///
  /// - Parameter life: of an open file.
  /// - Parameter half: what a failing operation does all the same.
  fileprivate func perform<R: Sendable>(
    _ operation: DiskOperation, _ path: String, life: Int? = nil, half: (@Sendable (inout State) -> Void)? = nil,
    _ body: @Sendable (inout State) throws(DiskError) -> R
  ) throws(DiskError) -> R {
    let (power, between) = state.withLock { ($0.power, $0.between) }
    between?(operation, path)
    try power.check()
    if let life, state.withLock({ $0.life }) != life { throw .powerCut }
    let failure = state.withLock { state -> Int32? in
      guard let fault = state.fault, fault.concerns(operation) else { return nil }
      let number = state.operations
      state.operations += 1
      guard number == fault.operation || (fault.lasts && number > fault.operation) else { return nil }
      state.faultsAnswered += 1
      half?(&state)
      return fault.code
    }
    if let failure { throw DiskError(operation: "\(operation)", path: path, code: failure) }
    if operation.isChange { try power.change() }
    return try state.withLock { state throws(DiskError) in try body(&state) }
  }
}

/// An open file of a simulated disk.
private final class SimulatedFile: DiskFile {
  private let disk: SimulatedDisk
  private let file: Int
  private let path: String
  private let life: Int
  private let isWritable: Bool

  init(_ disk: SimulatedDisk, _ file: Int, _ path: String, _ life: Int, writable: Bool) {
    self.disk = disk
    self.file = file
    self.path = path
    self.life = life
    isWritable = writable
  }

  func size() throws(DiskError) -> Int64 {
    let file = file
    return try disk.perform(.size, path, life: life) { state throws(DiskError) in
      Int64(state.system.files[file]?.content.count ?? 0)
    }
  }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
    let file = file
    let limit = buffer.count
    let bytes = try disk.perform(.read, path, life: life) { state throws(DiskError) in
      (state.system.files[file]?.content ?? []).dropFirst(Int(offset)).prefix(limit)
    }
    buffer.copyBytes(from: bytes)
    return bytes.count
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
    precondition(isWritable, "\(path) was opened for reading")
    let file = file
    let copy = Array(bytes)
    let half: @Sendable (inout SimulatedDisk.State) -> Void = { state in
      state.system.write(.write(Int(offset), Array(copy.prefix(copy.count / 2))), to: file)
    }
    try disk.perform(.write, path, life: life, half: half) { state throws(DiskError) in
      state.system.write(.write(Int(offset), copy), to: file)
    }
  }

  func truncate(to size: Int64) throws(DiskError) {
    precondition(isWritable, "\(path) was opened for reading")
    let file = file
    try disk.perform(.truncate, path, life: life) { state throws(DiskError) in
      state.system.write(.truncate(Int(size)), to: file)
    }
  }

  func sync() throws(DiskError) {
    let file = file
    let half: @Sendable (inout SimulatedDisk.State) -> Void = { $0.system.dropUnsynced(file) }
    try disk.perform(.sync, path, life: life, half: half) { state throws(DiskError) in state.system.sync(file) }
  }

  func preallocate(_ length: Int64) {}

  func startWriteback(at offset: Int64, length: Int64) {}

  var descriptor: Int32? { nil }
}
