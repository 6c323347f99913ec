/// What the process that reads a layer tells the one that started it.
public enum WorkerFrame: Sendable, Hashable {
  /// A part of the list of files, packed; see ``FileListCoding``.
  case files([UInt8])
  /// The last frame: the inventory, encoded.
  case inventory([UInt8])
  /// The last frame: why there is none, and whether the same bytes would come to the same end.
  case failure(reason: String, isLasting: Bool)

  /// Of one frame. An inventory of the most packages that a layer may name stays below it.
  public static let sizeLimitBytes = 64 << 20
  public static let reasonLimitBytes = 1024

  private var kind: UInt8 {
    switch self {
    case .files: 1
    case .inventory: 2
    case .failure(_, true): 3
    case .failure(_, false): 4
    }
  }

  /// A byte that says which, four bytes of length, the payload.
  var encoded: [UInt8] {
    let payload: [UInt8]
    switch self {
    case .files(let bytes), .inventory(let bytes): payload = bytes
    case .failure(let reason, _): payload = Array(reason.utf8.prefix(Self.reasonLimitBytes))
    }
    let length = UInt32(clamping: payload.count)
    return [kind] + (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + payload
  }

  fileprivate init?(kind: UInt8, payload: [UInt8]) {
    switch kind {
    case 1: self = .files(payload)
    case 2: self = .inventory(payload)
    case 3, 4:
      self = .failure(
        reason: String(decoding: payload.prefix(Self.reasonLimitBytes), as: UTF8.self), isLasting: kind == 3)
    default: return nil
    }
  }
}

/// Makes frames of bytes as they come. Who sends them is not trusted.
public struct WorkerFrameReader: Sendable {
  private var waiting: [UInt8] = []

  public init() {}

  /// Takes more bytes. Answers the frames that are whole by now.
  ///
  /// - Throws: ``RecordError`` for what is no frame, or one beyond the limit.
  public mutating func take(_ bytes: UnsafeRawBufferPointer) throws(RecordError) -> [WorkerFrame] {
    waiting.append(contentsOf: bytes)
    var frames: [WorkerFrame] = []
    var position = 0
    while waiting.count - position >= 5 {
      let length = (0..<4).reduce(0) { $0 | Int(waiting[position + 1 + $1]) << ($1 * 8) }
      guard length <= WorkerFrame.sizeLimitBytes else { throw RecordError() }
      let end = position + 5 + length
      guard end <= waiting.count else { break }
      guard let frame = WorkerFrame(kind: waiting[position], payload: Array(waiting[(position + 5)..<end])) else {
        throw RecordError()
      }
      frames.append(frame)
      position = end
    }
    waiting.removeFirst(position)
    return frames
  }
}
