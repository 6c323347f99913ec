import Glibc

/// Starts a program in a session of its own that inherits nothing but the three descriptors that it is given.
///
/// A session of its own keeps the signals of a terminal away: the watchdog ends what is left, in the right order.
func spawn(
  _ path: String, _ arguments: [String], environment: [String: String] = [:], input: Int32? = nil,
  output: Int32? = nil
) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if let input {
    posix_spawn_file_actions_adddup2(&actions, input, 0)
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  }
  if let output {
    posix_spawn_file_actions_adddup2(&actions, output, 1)
  } else {
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
  }
  posix_spawn_file_actions_adddup2(&actions, 1, 2)
  keepDescriptorsPrivate()

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  var all = sigset_t()
  sigemptyset(&none)
  sigfillset(&all)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setsigdefault(&attributes, &all)
  // POSIX_SPAWN_SETSID is not in the overlay; its value is part of the ABI.
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | 0x80))

  var variables = ["PATH": searchPath, "LC_ALL": "C.UTF-8", "HOME": "/"]
  variables.merge(environment) { $1 }
  var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
  argumentPointers.append(nil)
  var variablePointers: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") }
  variablePointers.append(nil)
  defer { for pointer in argumentPointers + variablePointers { free(pointer) } }
  var started: pid_t = 0
  let result = posix_spawn(&started, path, &actions, &attributes, argumentPointers, variablePointers)
  guard result == 0 else { throw LabError("cannot start \(path): \(String(cString: strerror(result)))") }
  return started
}

/// A program must not inherit what the tests have open: a pipe of the test runner would stay open after it.
private func keepDescriptorsPrivate() {
  guard let folder = opendir("/proc/self/fd") else { return }
  defer { closedir(folder) }
  while let entry = readdir(folder) {
    guard let descriptor = Int32(fileName(entry)), descriptor > 2 else { continue }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }
}

/// The name of an entry of a folder.
///
/// By its address: an entry is as long as its name, and a copy of a whole `dirent` would read past the end of what readdir(3)
/// has filled, and of the memory that it lies in.
func fileName(_ entry: UnsafeMutablePointer<dirent>) -> String {
  withUnsafePointer(to: &entry.pointee.d_name) {
    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
  }
}

/// Where programs are looked for: the folders of system programs too, whatever `PATH` says.
let searchPath = (environmentVariable("PATH") ?? "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"

func environmentVariable(_ name: String) -> String? {
  guard let value = getenv(name) else { return nil }
  let text = String(cString: value)
  return text.isEmpty ? nil : text
}

/// The path of an installed program.
func findProgram(_ name: String, neededFor purpose: String) throws -> String {
  for folder in searchPath.split(separator: ":") where access("\(folder)/\(name)", X_OK) == 0 {
    return "\(folder)/\(name)"
  }
  throw LabError("\(name) is not installed; \(purpose) needs it (make test installs it)")
}
