import Glibc

extension Metrics {
  /// Adds what the kernel says of this process, by the names that Prometheus's own libraries give it.
  ///
  /// Source: Prometheus, "Writing client libraries", section "Process metrics".
  public func addProcess() {
    counting("process_cpu_seconds_total", "Time that processors worked for this process.") { Process.cpuSeconds }
    gauge("process_resident_memory_bytes", "Memory in use.") { Process.memory.residentBytes }
    gauge("process_virtual_memory_bytes", "Addresses in use.") { Process.memory.virtualBytes }
    gauge("process_open_fds", "Open descriptors.") { Process.openDescriptors }
    gauge("process_max_fds", "Descriptors that may be open.") { Process.descriptorLimit }
    let start = Double(time(nil))
    gauge("process_start_time_seconds", "When this process began, since 1970.") { start }
  }
}

/// What the kernel says of this process; 0 where it says nothing.
private enum Process {
  static var cpuSeconds: Double {
    var now = timespec()
    guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0 else { return 0 }
    return Double(now.tv_sec) + Double(now.tv_nsec / 1000) / 1e6
  }

  /// The first two numbers of `/proc/self/statm`, which count pages.
  static var memory: (virtualBytes: Double, residentBytes: Double) {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return (0, 0) }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    let pages = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: " ").prefix(2)
      .compactMap { Double($0) }
    guard pages.count == 2 else { return (0, 0) }
    let page = Double(sysconf(Int32(_SC_PAGESIZE)))
    return (pages[0] * page, pages[1] * page)
  }

  static var openDescriptors: Double {
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    // Without "." and "..", and without the one that is read here.
    return Double(max(0, count - 3))
  }

  static var descriptorLimit: Double {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Double(limit.rlim_cur)
  }
}
