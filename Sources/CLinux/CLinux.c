#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sys/statvfs.h>
#include <sys/types.h>

void berth_start_writeback(int fd, int64_t offset, int64_t length) {
  int saved = errno;
  (void)sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
  errno = saved;
}

int berth_open_direct(const char *path) {
  int fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
  return fd >= 0 ? fd : -errno;
}

int berth_preallocate(int fd, int64_t length) {
  // FALLOC_FL_KEEP_SIZE: the size of a staged upload is its offset, so it must not run ahead of what was written.
  return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, length) == 0 ? 0 : errno;
}

void berth_tune_allocator(void) {
  mallopt(M_MMAP_THRESHOLD, 16 * 1024 * 1024);
  mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
  mallopt(M_ARENA_MAX, 4);
}

int berth_try_lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno; }

void berth_unlock(int fd) { (void)flock(fd, LOCK_UN); }

int berth_file_system_space(const char *path, int64_t *free_bytes, int64_t *total_bytes) {
  struct statvfs v;
  if (statvfs(path, &v) != 0) return errno;
  *free_bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
  *total_bytes = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
  return 0;
}

void berth_lower_priority(int niceness) {
  if (niceness > 0) (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), niceness);
}

void berth_name_thread(const char *name) { (void)pthread_setname_np(pthread_self(), name); }

const void *berth_find(const void *bytes, size_t count, const void *needle, size_t needle_count) {
  return memmem(bytes, count, needle, needle_count);
}

int64_t berth_send_file(int socket, const void *head, size_t head_count, int file, int64_t offset, size_t count) {
  ssize_t sent = send(socket, head, head_count, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return 0;
  if ((size_t)sent < head_count) return sent;
  off_t position = offset;
  ssize_t body = sendfile(socket, file, &position, count);
  return body > 0 ? sent + body : sent;
}
