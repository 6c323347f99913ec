public import BlobStorage
public import NIOCore
public import OCI
import Synchronization

/// An object store in memory, as strict as the real ones: parts that are too small are refused, tags must be right.
///
/// It gives way to other tasks before and after each call, and can let a call fail, before it has done anything or after.
public final class SimulatedObjects: ObjectStore {
  public enum Fault: Sendable { case before, after }

  private struct Upload {
    let key: String
    var parts: [Int: ByteBuffer] = [:]
  }
  private struct State {
    var objects: [String: ByteBuffer] = [:]
    var uploads: [String: Upload] = [:]
    var nextUpload = 0
    var calls: [String] = []
    var bytesReceived = 0
    var fault: (@Sendable (Int, String) -> Fault?)?
    var power: PowerSwitch?
    var pause: (@Sendable (String) async -> Void)?
  }
  private static let readings: Set = ["get", "size", "list", "listUploads"]
  private let state = Mutex(State())

  public init() {}

  /// The name of each call so far.
  public var calls: [String] { state.withLock { $0.calls } }
  /// Bytes that came, in objects and parts.
  public var bytesReceived: Int { state.withLock { $0.bytesReceived } }
  public var keys: [String] { state.withLock { $0.objects.keys.sorted() } }
  public var unfinishedCount: Int { state.withLock { $0.uploads.count } }

  /// Decides of each call, counted from 0, whether it fails.
  public func setFault(_ fault: (@Sendable (Int, String) -> Fault?)?) {
    state.withLock { $0.fault = fault }
  }

  /// The calls come from a machine that may lose its power; what was stored stays.
  public func setPower(_ power: PowerSwitch) { state.withLock { $0.power = power } }

  /// Lets each call wait, by its name, before it does anything: a store that is slow.
  public func setPause(_ pause: (@Sendable (String) async -> Void)?) { state.withLock { $0.pause = pause } }

  /// The bytes of an object, past the store's calls.
  public func content(_ key: String) -> [UInt8]? { state.withLock { $0.objects[key].map { Array(buffer: $0) } } }

  /// Puts other bytes where an object is, or takes it away, as a person with access to the bucket can.
  public func tamper(_ key: String, _ bytes: [UInt8]?) {
    state.withLock { $0.objects[key] = bytes.map { ByteBuffer(bytes: $0) } }
  }

  /// Loses a part of each upload in parts, as a store may that was repaired.
  public func losePart(_ number: Int) {
    state.withLock { state in for upload in state.uploads.keys { state.uploads[upload]?.parts[number] = nil } }
  }

  private func call<R: Sendable>(_ name: String, _ body: (inout State) throws -> R) async throws -> R {
    await Task.yield()
    if let pause = state.withLock({ $0.pause }) { await pause(name) }
    try Task.checkCancellation()
    let result = try state.withLock { state in
      if Self.readings.contains(name) { try state.power?.check() } else { try state.power?.change() }
      let fault = state.fault?(state.calls.count, name)
      state.calls.append(name)
      if fault == .before { throw ObjectStoreError.unavailable("simulated, before \(name)") }
      let result = try body(&state)
      if fault == .after { throw ObjectStoreError.unavailable("simulated, after \(name)") }
      return result
    }
    await Task.yield()
    return result
  }

  public func put(_ bytes: ByteBuffer, to key: String, sha256: [UInt8]?) async throws {
    try await call("put") { state in
      state.bytesReceived += bytes.readableBytes
      state.objects[key] = bytes
    }
  }

  public func get(_ key: String, _ range: ByteRange) async throws -> BlobChunks {
    let bytes = try await call("get") { state in
      guard let bytes = state.objects[key] else { throw ObjectStoreError.noSuchKey }
      guard let part = bytes.getSlice(at: bytes.readerIndex + Int(range.first), length: Int(range.count)) else {
        throw ObjectStoreError.wrongLength(answered: Int64(bytes.readableBytes) - range.first, asked: range.count)
      }
      return part
    }
    return BlobChunks(Pieces(Array(buffer: bytes)))
  }

  public func size(of key: String) async throws -> Int64? {
    try await call("size") { state in state.objects[key].map { Int64($0.readableBytes) } }
  }

  public func remove(_ keys: [String]) async throws {
    try await call("remove") { state in for key in keys { state.objects[key] = nil } }
  }

  public func list(prefix: String, after last: String?, limit: Int) async throws -> [ObjectListing] {
    try await call("list") { state in
      let found = state.objects.filter { entry in entry.key.hasPrefix(prefix) && last.map { entry.key > $0 } ?? true }
      return found.sorted { $0.key < $1.key }.prefix(limit)
        .map { ObjectListing(key: $0.key, sizeBytes: Int64($0.value.readableBytes)) }
    }
  }

  public func beginParts(of key: String) async throws -> String {
    try await call("beginParts") { state in
      state.nextUpload += 1
      let name = "simulated-\(state.nextUpload)"
      state.uploads[name] = Upload(key: key)
      return name
    }
  }

  public func putPart(_ bytes: ByteBuffer, _ number: Int, of key: String, upload: String) async throws -> String {
    try await call("putPart") { state in
      guard state.uploads[upload]?.key == key else { throw ObjectStoreError.noSuchUpload }
      state.bytesReceived += bytes.readableBytes
      state.uploads[upload]?.parts[number] = bytes
      return Self.tag(bytes)
    }
  }

  public func completeParts(of key: String, upload: String, parts: [UploadRecord.Part]) async throws {
    try await call("completeParts") { state in
      guard let known = state.uploads[upload], known.key == key else { throw ObjectStoreError.noSuchUpload }
      var whole = ByteBuffer()
      for (index, part) in parts.enumerated() {
        guard let bytes = known.parts[part.number], Self.tag(bytes) == part.entityTag else {
          throw ObjectStoreError.refused(status: 400, code: "InvalidPart", message: "part \(part.number)")
        }
        if index < parts.count - 1, bytes.readableBytes < 5 << 20 {
          throw ObjectStoreError.refused(status: 400, code: "EntityTooSmall", message: "part \(part.number)")
        }
        whole.writeImmutableBuffer(bytes)
      }
      state.uploads[upload] = nil
      state.objects[key] = whole
    }
  }

  public func abortParts(of key: String, upload: String) async throws {
    try await call("abortParts") { state in state.uploads[upload] = nil }
  }

  public func listUploads(
    prefix: String, after marker: UnfinishedPage.Marker?, limit: Int
  ) async throws -> UnfinishedPage {
    try await call("listUploads") { state in
      let found = state.uploads.filter { entry in
        entry.value.key.hasPrefix(prefix) && marker?.upload.map { entry.key > $0 } ?? true
      }
      let page = found.sorted { $0.key < $1.key }.prefix(limit)
        .map { UnfinishedObject(place: $0.value.key, upload: $0.key) }
      return UnfinishedPage(page, next: page.count < found.count ? .init(key: nil, upload: page.last?.upload) : nil)
    }
  }

  public func signedURL(of key: String, lifetime: Duration) async throws -> String {
    "http://simulated.invalid/\(key)?expires=\(lifetime.components.seconds)"
  }

  private static func tag(_ bytes: ByteBuffer) -> String {
    let digest = bytes.withUnsafeReadableBytes { Digest.computing(.sha256, over: $0) }
    return "\"\(digest.hex.prefix(32))\""
  }
}
