import Glibc

/// What changes when a file is replaced or written: its time, its size, its inode. Empty when it is not there.
func fileFingerprint(_ path: String) -> [Int64] {
  var status = stat()
  guard stat(path, &status) == 0 else { return [] }
  return [
    Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec), Int64(status.st_size), Int64(status.st_ino),
  ]
}
