import Glibc

extension PostgresServer {
  func mountDisk(_ limitMiB: Int) async throws {
    guard geteuid() == 0 else { throw LabError("this test mounts a small file system, so run the tests as root") }
    guard mkdir(data, 0o700) == 0 else { throw LabError("cannot make \(data): errno \(errno)") }
    try await ServerProgram.run(
      try findProgram("mount", neededFor: "a small disk"),
      ["-t", "tmpfs", "-o", "size=\(limitMiB)m,mode=0700", "tmpfs", data])
    Watchdog.shared.guardMount(data)
    try programs.handOver(data)
  }

  /// Fills the disk of ``Options/diskLimitMiB`` until nothing fits any more.
  public func fillDisk() throws {
    precondition(options.diskLimitMiB != nil, "this server has the disk of everybody")
    let filler = open("\(data)/filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard filler >= 0 else { throw LabError("cannot fill the disk: errno \(errno)") }
    defer { close(filler) }
    let zeros = [UInt8](repeating: 0, count: 4096)
    while write(filler, zeros, zeros.count) > 0 {}
  }

  /// Makes room again.
  public func freeDisk() throws {
    guard unlink("\(data)/filler") == 0 else { throw LabError("the disk was not filled: errno \(errno)") }
  }
}
