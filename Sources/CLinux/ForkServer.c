#define _GNU_SOURCE
#include "ForkServer.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// How long a fork may take on a machine that is busy.
enum { ANSWER_MILLISECONDS = 30000 };

/// Room for two descriptors beside a message.
typedef union {
  struct cmsghdr head;
  char space[CMSG_SPACE(2 * sizeof(int))];
} two_descriptors;

/// Answers 1 and both descriptors; 0 at the end, and after whatever is not two descriptors.
static int receive_two(int control, int both[2]) {
  char word;
  struct iovec part = {.iov_base = &word, .iov_len = 1};
  two_descriptors beside;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &beside, .msg_controllen = sizeof(beside)};
  ssize_t count;
  do count = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count != 1) return 0;
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  if (head == NULL || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(2 * sizeof(int))) return 0;
  memcpy(both, CMSG_DATA(head), 2 * sizeof(int));
  return 1;
}

int berth_serve_forks(int control) {
  int both[2];
  while (receive_two(control, both)) {
    // A child of our parent, who is to hear how it ends. All that is not a flag is 0: the stack is copied too.
    long made = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (made == 0) {
      // Both are above 1: the places of `control`, which are taken here.
      if (dup2(both[0], 0) < 0 || dup2(both[1], 1) < 0) _exit(1);
      close(both[0]);
      close(both[1]);
      if (control > 1) close(control);
      return 0;
    }
    int32_t answer = made > 0 ? (int32_t)made : -errno;
    close(both[0]);
    close(both[1]);
    if (send(control, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer)) break;
  }
  return -1;
}

pid_t berth_ask_fork(int control, int input, int output) {
  char word = 0;
  struct iovec part = {.iov_base = &word, .iov_len = 1};
  two_descriptors beside;
  memset(&beside, 0, sizeof(beside));
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &beside, .msg_controllen = sizeof(beside)};
  beside.head.cmsg_level = SOL_SOCKET;
  beside.head.cmsg_type = SCM_RIGHTS;
  beside.head.cmsg_len = CMSG_LEN(2 * sizeof(int));
  int both[2] = {input, output};
  memcpy(CMSG_DATA(&beside.head), both, sizeof(both));
  ssize_t count;
  do count = sendmsg(control, &message, MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;

  struct pollfd ready = {.fd = control, .events = POLLIN};
  int changed;
  do changed = poll(&ready, 1, ANSWER_MILLISECONDS);
  while (changed < 0 && errno == EINTR);
  if (changed < 0) return -errno;
  if (changed == 0) return -ETIMEDOUT;
  int32_t answer;
  do count = recv(control, &answer, sizeof(answer), MSG_WAITALL);
  while (count < 0 && errno == EINTR);
  if (count < 0) return -errno;
  if (count != sizeof(answer)) return -EPIPE;
  // Where clone(2) is played by another kernel, a copy may have another parent.
  siginfo_t nothing;
  if (answer > 0 && waitid(P_PID, (id_t)answer, &nothing, WEXITED | WNOHANG | WNOWAIT) < 0) return -errno;
  return answer;
}
