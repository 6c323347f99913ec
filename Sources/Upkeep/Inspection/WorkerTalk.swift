internal import Ground
internal import NIOCore
internal import Scanning

/// What passes between the server and a process that reads a layer.
struct WorkerTalk: ~Copyable {
  private var process: ConfinedProcess
  private let time: any TimeSource
  private let beganAt: Int64
  private var heardAt: Int64
  private var frames = WorkerFrameReader()
  private var files: [[UInt8]] = []
  private var filesBytes = 0
  private var outcome: WorkerFrame?

  init(_ process: consuming ConfinedProcess, _ time: any TimeSource) {
    self.process = process
    self.time = time
    beganAt = time.monotonicNanoseconds
    heardAt = beganAt
  }

  /// Answers false when the worker wants no more.
  mutating func send(_ chunk: ByteBuffer) throws -> Bool {
    var position = 0
    while position < chunk.readableBytes {
      var received: [UInt8] = []
      let from = position
      let written = try chunk.withUnsafeReadableBytes { bytes in
        try process.exchange(UnsafeRawBufferPointer(rebasing: bytes[from...])) { received.append(contentsOf: $0) }
      }
      try take(received)
      guard let written, outcome == nil else { return false }
      position += written
      try checkTime(hasMoved: written > 0 || !received.isEmpty)
    }
    return true
  }

  mutating func finish() throws -> InspectedLayer {
    process.closeInput()
    var isOpen = true
    while isOpen {
      var received: [UInt8] = []
      isOpen = try process.receive { received.append(contentsOf: $0) }
      try take(received)
      try checkTime(hasMoved: !received.isEmpty)
      try Task.checkCancellation()
    }
    let ending = process.wait()
    switch outcome {
    case .inventory(let bytes):
      do throws(RecordError) {
        return InspectedLayer(inventory: try LayerInventory(decoding: bytes), files: files)
      } catch {
        throw InspectionFailure("the worker told what no worker tells", isLasting: false)
      }
    case .failure(let reason, let isLasting): throw InspectionFailure(reason, isLasting: isLasting)
    case .files, nil: throw InspectionFailure("the worker \(Self.text(ending))", isLasting: false)
    }
  }

  private static func text(_ ending: ConfinedProcess.Ending) -> String {
    switch ending {
    case .exited(let status): "ended with status \(status) and no answer"
    case .killed(let signal): "was ended by signal \(signal)"
    case .unknown: "ended without an answer"
    }
  }

  private mutating func take(_ bytes: [UInt8]) throws {
    guard !bytes.isEmpty else { return }
    let found: [WorkerFrame]
    do throws(RecordError) {
      var reader = frames
      let read = bytes.withUnsafeBytes { bytes -> Result<[WorkerFrame], RecordError> in
        do throws(RecordError) { return .success(try reader.take(bytes)) } catch { return .failure(error) }
      }
      found = try read.get()
      frames = reader
    } catch {
      throw InspectionFailure("the worker told what no worker tells", isLasting: false)
    }
    for frame in found {
      switch frame {
      case .files(let part):
        filesBytes += part.count
        if filesBytes <= WorkerInspector.filesLimitBytes { files.append(part) }
      case .inventory, .failure: outcome = frame
      }
    }
  }

  private mutating func checkTime(hasMoved: Bool) throws {
    let now = time.monotonicNanoseconds
    if hasMoved { heardAt = now }
    guard now - heardAt <= WorkerInspector.silenceLimit.wholeMicroseconds * 1000 else {
      throw InspectionFailure("the worker neither read nor wrote for too long", isLasting: false)
    }
    guard now - beganAt <= WorkerInspector.timeLimit.wholeMicroseconds * 1000 else {
      throw InspectionFailure("reading it took too long", isLasting: false)
    }
  }
}
