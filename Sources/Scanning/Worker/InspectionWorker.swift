internal import Glibc

/// The work of the process that reads a layer: bytes come in at one descriptor, frames go out at another.
public enum InspectionWorker {
  /// Reads a layer and tells what is in it. Answers whether everything could be told; whoever reads may have gone.
  public static func run(input: Int32, output: Int32, limits: ArchiveLimits = ArchiveLimits()) -> Bool {
    var isHeard = true
    func send(_ frame: WorkerFrame) { if isHeard { isHeard = write(frame.encoded, to: output) } }
    var files = FileListCoding.Writer { send(.files($0)) }
    let outcome: WorkerFrame
    do throws(LayerError) {
      let inventory = try LayerReader.read(DescriptorSource(input), limits: limits) { files.add($0) }
      files.flush()
      outcome = .inventory(inventory.encoded())
    } catch {
      outcome = .failure(reason: error.description, isLasting: error.isLasting)
    }
    send(outcome)
    return isHeard
  }

  /// Has done what only the first layer that a process reads needs: tables are made, and functions of libraries are found.
  public static func prepare() {
    _ = try? LayerReader.read(MemorySource([UInt8](repeating: 0, count: 1024))) { _ in }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var position = 0
    while position < bytes.count {
      let count = bytes.withUnsafeBytes { all in
        Glibc.write(descriptor, all.baseAddress?.advanced(by: position), all.count - position)
      }
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        return false
      }
      position += count
    }
    return true
  }
}
