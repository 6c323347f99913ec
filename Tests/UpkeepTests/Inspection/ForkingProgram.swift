import Foundation
import Synchronization
import TestSupport
import Testing

/// Programs in C that make copies of themselves as `berth inspect-layer --fork` does, and have our walls at hand.
enum ForkingProgram {
  /// Compiles one. Answers the folder in which it lies until the tests end.
  static func built(_ name: String, _ source: String) -> Result<String, any Error> {
    Result {
      let folder = try temporaryDirectory()
      built.withLock { $0.append(folder) }
      _ = isRemovedAtExit
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path()
      try Data(source.utf8).write(to: URL(filePath: "\(folder)/\(name).c"))
      let compiled = try FinishedProgram(
        "clang",
        [
          "-O0", "-I", "\(root)/Sources/CLinux/include", "\(folder)/\(name).c", "\(root)/Sources/CLinux/Confinement.c",
          "\(root)/Sources/CLinux/ForkServer.c", "-o", "\(folder)/\(name)",
        ])
      try #require(compiled.status == 0, "\(compiled.text)")
      return folder
    }
  }

  private static let built = Mutex<[String]>([])
  private static let isRemovedAtExit: Void = {
    atexit {
      for folder in ForkingProgram.built.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: folder) }
    }
  }()
}
