#pragma once
/// Processes that are made by copying one that has loaded and set up everything already: making one so costs a tenth of starting
/// the program.
#include <sys/types.h>

/// Serves forks until `control`, a connected socket, is closed at the other end.
///
/// For each pair of descriptors that comes it makes a process in which they are the descriptors 0 and 1, nothing of `control` is
/// left, and this call returns 0. Its parent is the parent of the caller, which must have no other thread, and its group is the
/// caller's. In the caller it returns -1 at the end.
int berth_serve_forks(int control);

/// Asks for a process, at the other end. Returns its process id, a child of ours, or the negative errno: EPIPE when the fork server
/// has gone, ETIMEDOUT when it does not answer, ECHILD when the process is no child of ours. After an error it is of no use any more.
pid_t berth_ask_fork(int control, int input, int output);
