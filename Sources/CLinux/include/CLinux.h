#pragma once
/// Linux calls and constants that the Swift overlay of the C library does not show. Thin wrappers: no policy here.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "Confinement.h"
#include "ForkServer.h"

/// Starts writing back the dirty pages of a range without waiting for them. Errors are harmless and ignored.
void berth_start_writeback(int fd, int64_t offset, int64_t length);

/// Opens an existing file for writing past the page cache. Returns a descriptor, or the negative errno.
int berth_open_direct(const char *path);

/// Reserves `length` bytes from the start of the file. Returns 0 or an errno; EOPNOTSUPP where the file system cannot.
int berth_preallocate(int fd, int64_t length);

/// Sets malloc's thresholds so that large buffers return to the system and middling ones are reused.
void berth_tune_allocator(void);

/// Takes an exclusive advisory lock on an open file without waiting. Returns 0, or an errno (EWOULDBLOCK when held).
int berth_try_lock(int fd);

/// Lets go of it, also for copies of the descriptor that a child has.
void berth_unlock(int fd);

/// Free and total bytes of the file system that holds `path`. Returns 0 or an errno.
int berth_file_system_space(const char *path, int64_t *free_bytes, int64_t *total_bytes);

/// Lets the calling thread give way to others of the process: nice(2) for one thread. Errors are harmless and ignored.
void berth_lower_priority(int niceness);

/// Where `needle` begins in `bytes` for the first time; NULL: nowhere. memmem(3).
const void *berth_find(const void *bytes, size_t count, const void *needle, size_t needle_count);

/// Names the calling thread for `ps -L`, at most 15 bytes.
void berth_name_thread(const char *name);

/// Hands `head`, and after it `count` bytes of a file from `offset`, to a socket without waiting; the head leaves with the first
/// of the file (MSG_MORE, send(2)). Returns how many of all these bytes the kernel took. Whatever kept it from the rest, a full
/// buffer or an error, is for the next to send on that socket to meet.
int64_t berth_send_file(int socket, const void *head, size_t head_count, int file, int64_t offset, size_t count);
