import Foundation
import Synchronization

private let foldersToRemove = Mutex<[String]>([])

/// The images that many tests push: made once in a test run, removed when it exits.
actor SharedImages {
  static let shared = SharedImages()

  private var debianImage: Task<LayoutImage, any Error>?
  private var multiArchitectureImage: Task<LayoutImage, any Error>?
  private var kept: Workspace?

  /// A Debian file system from the mirror of this machine, with three more layers above it.
  func debian() async throws -> LayoutImage {
    let workspace = try workspace()
    let task = debianImage ?? Task { try await DebianImage.make(in: workspace) }
    debianImage = task
    return try await task.value
  }

  /// An index of three platforms over small images that share one layer.
  func multiArchitecture() async throws -> LayoutImage {
    let workspace = try workspace()
    let task = multiArchitectureImage ?? Task { try await MultiArchitectureImage.make(in: workspace) }
    multiArchitectureImage = task
    return try await task.value
  }

  private func workspace() throws -> Workspace {
    if let kept { return kept }
    let made = try Workspace()
    kept = made
    foldersToRemove.withLock { $0.append(made.path) }
    // An actor that lives as long as the process is never torn down.
    atexit { for path in foldersToRemove.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) } }
    return made
  }
}
