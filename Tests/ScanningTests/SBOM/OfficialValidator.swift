import Foundation
import Testing

/// The validators that the makers of CycloneDX and SPDX publish, with the official schemas in them. Without them the test fails.
enum OfficialValidator {
  private struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// One line of complaint for each document that is not valid, and one for each package URL that is none.
  private static let script = """
    import json, sys
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from packageurl import PackageURL
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    def purls(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("purl", "referenceLocator"):
                    yield inner
                else:
                    yield from purls(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from purls(inner)

    # The library leaves slashes in values, and lowers the digits of escapes in some types.
    def plain(purl):
        return purl.lower().replace("%2f", "").replace("/", "")

    for path in sys.argv[1:]:
        text = open(path, encoding="utf-8").read()
        if path.endswith(".cdx.json"):
            problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
            if problem is not None:
                print(path, "CycloneDX:", str(problem)[:600])
        else:
            try:
                for problem in validate_full_spdx_document(parse_file(path)):
                    print(path, "SPDX:", problem.validation_message, problem.context.spdx_id)
            except Exception as error:
                print(path, "SPDX:", repr(error)[:600])
        for purl in purls(json.loads(text)):
            try:
                again = PackageURL.from_string(purl).to_string()
                if plain(again) != plain(purl):
                    print(path, "package URL:", purl, again)
            except ValueError as error:
                print(path, "package URL:", purl, error)
    """

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
    let process = Process()
    process.executableURL = try python()
    process.arguments = ["-c", script] + documents.keys.sorted()
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: said, as: UTF8.self)
    return process.terminationStatus == 0 ? text : "the validator ended with \(process.terminationStatus)\n\(text)"
  }
}
