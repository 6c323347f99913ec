import Glibc

/// Takes as many open files as the system grants: the usual soft limit of 1024 is less than a busy registry's connections.
func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
  limit.rlim_cur = limit.rlim_max
  // Where it is refused, what there was stays in force.
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
