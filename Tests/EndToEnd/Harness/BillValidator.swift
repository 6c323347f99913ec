import Foundation

/// The validators that the makers of CycloneDX and SPDX publish, as `make test-packages` installs them. They print what they have to
/// say against documents, and nothing against those that are valid.
enum BillValidator {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let script = root.appending(path: "Tests/Scripts/validate-sbom.py").path()

  static let python =
    ProcessInfo.processInfo.environment["BERTH_TEST_SBOM_PYTHON"]
    ?? root.appending(path: ".build-tools/venv/bin/python3").path()
}
