#pragma once
/// Starting a process that reads what strangers wrote, and taking from it what it does not need.
#include <stdint.h>

/// Starts a program with three descriptors and nothing else of ours.
///
/// `arguments` ends with NULL; the environment is empty but for PATH. `input` and `output`, which are above 2, become its descriptors
/// 0 and 1, and `errors` its 2. All other descriptors are closed in it. Returns its process id, or the negative errno.
int berth_spawn(const char *path, char *const arguments[], int input, int output, int errors);

/// Makes a pipe whose ends no child gets. Returns 0 or an errno.
int berth_pipe(int *reading, int *writing);

/// Makes a pair of connected sockets that no child gets: unlike to a pipe, one may write to a child that has ended and get an
/// error for it, not a signal. Returns 0 or an errno.
int berth_socket_pair(int *one, int *other);

/// What a confined process may use.
typedef struct {
  uint64_t memory_bytes;
  uint64_t cpu_seconds;
} berth_confinement_limits;

/// Which of the walls stand: a machine may not have all of them.
enum {
  BERTH_WALL_LIMITS = 1,
  BERTH_WALL_NO_NEW_PRIVILEGES = 2,
  BERTH_WALL_SYSTEM_CALLS = 4,
};

/// Confines the calling process for good: limits of memory, CPU time and files, no new privileges, and of system calls only
/// those that reading its descriptors, computing and writing them needs. It ends with the process that started it.
///
/// Everything it will need of the file system must be open or loaded before. Returns a set of the BERTH_WALL_ bits that stand.
int berth_confine(berth_confinement_limits limits);
