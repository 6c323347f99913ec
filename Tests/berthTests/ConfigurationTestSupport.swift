import Glibc

@testable import berth

/// What the reader of files makes of a text called `berth.yaml`.
func readFile(_ text: String, table: SettingTable = .standard) -> SettingsLoading {
  readFile(Array(text.utf8), table: table)
}

func readFile(_ bytes: [UInt8], table: SettingTable = .standard) -> SettingsLoading {
  var loading = SettingsLoading(settings: Settings())
  SettingsFileReader(table: table, path: "berth.yaml").read(bytes, into: &loading)
  return loading
}

/// The messages for a text, one a line.
func messages(_ text: String) -> [String] { readFile(text).errors.errors.map(\.description) }

/// A new directory that is removed, with the files in it, when the value goes away.
final class ScratchDirectory {
  let path: String
  private var files: [String] = []

  init() throws {
    var template = Array("/tmp/berth-configuration-XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
      throw ScratchError(code: errno)
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for file in files { unlink(file) }
    rmdir(path)
  }

  /// Writes a file and returns its path.
  func write(_ name: String, _ text: String) throws -> String {
    let file = "\(path)/\(name)"
    guard let stream = fopen(file, "w") else { throw ScratchError(code: errno) }
    defer { fclose(stream) }
    files.append(file)
    guard fputs(text, stream) >= 0 else { throw ScratchError(code: errno) }
    return file
  }

  struct ScratchError: Error { let code: Int32 }
}

/// The text of a file of the repository, by its path from the root.
func repositoryFile(_ path: String, from here: String = #filePath) throws -> String {
  let root = here.split(separator: "/").dropLast(3).joined(separator: "/")
  let bytes = try ConfigurationFile.read("/\(root)/\(path)", isOptional: false)
  return String(decoding: bytes ?? [], as: UTF8.self)
}

/// Numbers from a seed (SplitMix64), so that a failing case can be repeated.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
