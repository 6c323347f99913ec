import Foundation
import Glibc

/// Removes a directory with everything in it, by many threads.
///
/// A registry that keeps each tag in five directories leaves hundreds of thousands of them, and where a disk is told of every
/// block that becomes free, one thread removes a few hundred a second.
func removeTree(_ path: String) {
  var files: [String] = []
  var directories: [[String]] = [[path]]
  if let entries = FileManager.default.enumerator(atPath: path) {
    while let entry = entries.nextObject() as? String {
      if entries.fileAttributes?[.type] as? FileAttributeType == .typeDirectory {
        while directories.count <= entries.level { directories.append([]) }
        directories[entries.level].append("\(path)/\(entry)")
      } else {
        files.append("\(path)/\(entry)")
      }
    }
  }
  onEach(files) { unlink($0) }
  for level in directories.reversed() { onEach(level) { rmdir($0) } }
}

private func onEach(_ paths: [String], _ act: @escaping @Sendable (String) -> Int32) {
  // Neighbours would wait for each other: the kernel locks the directory that they are in.
  let shuffled = paths.shuffled()
  let numbers = Counter(limit: shuffled.count)
  // What cannot be removed stays; the directory of the run then tells.
  _ = try? onThreads(min(16, shuffled.count)) { _ in
    while let number = numbers.next() { _ = act(shuffled[number]) }
  }
}
