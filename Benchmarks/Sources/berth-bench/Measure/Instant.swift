import Glibc

/// Nanoseconds of the monotonic clock.
func nowNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

/// Seconds between an earlier reading of `nowNanoseconds` and now.
func secondsSince(_ start: UInt64) -> Double {
  Double(nowNanoseconds() - start) / 1e9
}

/// Suspends the calling thread.
func pause(seconds: Double) {
  usleep(UInt32(seconds * 1e6))
}
