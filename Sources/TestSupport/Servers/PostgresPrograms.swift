import Glibc

/// The programs of an installed PostgreSQL, run as a user whom PostgreSQL accepts: it refuses to run as root.
struct PostgresPrograms: Sendable {
  private static let versionsFolder = "/usr/lib/postgresql"
  private static let user = "nobody"

  let folder: String
  private let setpriv: String?

  /// Finds the newest version that is installed as Debian does, or the one in `BERTH_TEST_POSTGRES`.
  init() throws {
    folder = try Self.installed()
    setpriv = geteuid() == 0 ? try findProgram("setpriv", neededFor: "PostgreSQL in the tests of root") : nil
  }

  /// Starts a program that goes on.
  ///
  /// - Parameter name: of one of PostgreSQL's, or the path of another that must not run as root either.
  func start(_ name: String, _ arguments: [String], logPath: String) throws -> ServerProgram {
    let (path, all) = commandLine(name, arguments)
    return try ServerProgram(path, all, logPath: logPath)
  }

  /// Runs a program to its end.
  @discardableResult
  func run(_ name: String, _ arguments: [String]) async throws -> String {
    let (path, all) = commandLine(name, arguments)
    return try await ServerProgram.run(path, all)
  }

  /// Gives a folder or file to the user whom the programs run as.
  func handOver(_ path: String) throws {
    guard setpriv != nil else { return }
    guard let entry = getpwnam(Self.user) else { throw LabError("there is no user \(Self.user)") }
    guard chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) == 0 else {
      throw LabError("cannot give \(path) to \(Self.user): errno \(errno)")
    }
  }

  private func commandLine(_ name: String, _ arguments: [String]) -> (path: String, arguments: [String]) {
    let program = name.hasPrefix("/") ? name : "\(folder)/\(name)"
    guard let setpriv else { return (program, arguments) }
    return (setpriv, ["--reuid=\(Self.user)", "--regid=nogroup", "--clear-groups", "--", program] + arguments)
  }

  private static func installed() throws -> String {
    if let folder = environmentVariable("BERTH_TEST_POSTGRES") { return folder }
    var newest = 0
    if let versions = opendir(versionsFolder) {
      defer { closedir(versions) }
      while let entry = readdir(versions) {
        let name = fileName(entry)
        guard let version = Int(name), access("\(versionsFolder)/\(name)/bin/initdb", X_OK) == 0 else { continue }
        newest = max(newest, version)
      }
    }
    guard newest >= 15 else { throw LabError("PostgreSQL 15 or newer is not installed (make test installs it)") }
    return "\(versionsFolder)/\(newest)/bin"
  }
}
