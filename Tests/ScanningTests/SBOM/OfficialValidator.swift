import Foundation
import TestSupport
import Testing

/// The validators that the makers of CycloneDX and SPDX publish, with the official schemas in them. Without them the test fails.
enum OfficialValidator {
  private struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// One line of complaint for each document that is not valid, and one for each package URL that is none.
  private static let script = SharedData.root.appending(path: "Tests/Scripts/validate-sbom.py").path()

  /// The interpreter that `make test-packages` gives the validators, or the one in `BERTH_TEST_SBOM_PYTHON`.
  static func python() throws -> URL {
    let named = ProcessInfo.processInfo.environment["BERTH_TEST_SBOM_PYTHON"].map { URL(filePath: $0) }
    let path = named ?? SharedData.root.appending(path: ".build-tools/venv/bin/python3")
    guard FileManager.default.isExecutableFile(atPath: path.path()) else {
      throw Missing(description: "the validators are not at \(path.path()): `make test-packages` installs them")
    }
    return path
  }

  /// What the validators have to say against documents.
  ///
  /// - Parameter documents: by file name; what ends in `.cdx.json` is CycloneDX, in `.spdx.json` SPDX.
  static func complaints(_ documents: [String: [UInt8]]) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sbom-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, bytes) in documents { try Data(bytes).write(to: folder.appending(path: name)) }
    let said = try FinishedProgram(
      try python().path(), [script] + documents.keys.sorted(), in: folder.path())
    return said.status == 0 ? said.text : "the validator ended with \(said.status)\n\(said.text)"
  }
}
