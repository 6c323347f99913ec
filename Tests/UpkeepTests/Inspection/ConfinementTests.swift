import BlobStorage
import Foundation
import NIOCore
import OCI
import TestSupport
import Testing

@testable import Upkeep

/// What a worker could do if a layer took it over: a program of ours behind the same walls tries it.
@Suite struct `A worker behind its walls` {
  /// What came of an attempt, as a server hears of it.
  private static func outcome(of attempt: String) async throws -> InspectionFailure? {
    let path = try WallProbe.folder.get() + "/" + attempt
    try? FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "probe")
    let body = BlobBody.remote(
      RemoteBlob(StoredBlob(digest: SampleBlob([]).digest, sizeBytes: 0, place: nil)) { _ in
        BlobChunks(AsyncStream { $0.finish() })
      })
    do {
      _ = try await WorkerInspector(executable: path).inspect(body)
      return nil
    } catch let failure as InspectionFailure {
      return failure
    }
  }

  @Test(arguments: ["open", "create", "remove", "fork", "kill", "signal", "limit", "ring", "pair"])
  func `is refused what it does not need`(attempt: String) async throws {
    #expect(try await Self.outcome(of: attempt)?.reason == "refused")
  }

  /// SIGSYS.
  @Test(arguments: ["socket", "connect", "exec", "trace", "others"])
  func `ends when it would reach out`(attempt: String) async throws {
    #expect(
      try await Self.outcome(of: attempt) == InspectionFailure("the worker was ended by signal 31", isLasting: false))
  }

  @Test func `ends with its time`() async throws {
    #expect(
      try await Self.outcome(of: "time") == InspectionFailure("the worker was ended by signal 9", isLasting: false))
  }

  /// As a program of Swift does that gets no memory.
  @Test func `ends with its memory`() async throws {
    #expect(
      try await Self.outcome(of: "memory") == InspectionFailure("the worker was ended by signal 6", isLasting: false))
  }

  /// Else the tests above would prove nothing.
  @Test func `could do it all before they stood`() async throws {
    for attempt in ["open", "create", "remove", "fork", "kill", "signal", "limit", "pair", "socket", "exec"] {
      let reason = try await Self.outcome(of: "free-" + attempt)?.reason
      // Of exec nothing comes back: /bin/true says nothing.
      #expect(reason == (attempt == "exec" ? "the worker ended with status 0 and no answer" : "it could"), "\(attempt)")
    }
  }
}

/// A program that tries what its name says, behind the walls unless the name begins with `free-`, and tells it as a worker does.
private enum WallProbe {
  /// Where it lies until the tests end.
  static let folder = ForkingProgram.built("probe", source)

  private static let source = #"""
    #define _GNU_SOURCE
    #include "Confinement.h"
    #include "ForkServer.h"
    #include <errno.h>
    #include <fcntl.h>
    #include <signal.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static void tell(const char *text) {
      unsigned char head[5] = {4, (unsigned char)strlen(text), 0, 0, 0};
      (void)!write(1, head, 5);
      (void)!write(1, text, strlen(text));
      _exit(0);
    }

    static void try(long result) {
      tell(result >= 0 ? "it could" : errno == EPERM ? "refused" : strerror(errno));
    }

    int main(int count, char **words) {
      if (berth_serve_forks(0) != 0) return 0;
      const char *what = strrchr(words[0], '/') + 1;
      char path[4096], bytes[256] = {0};
      strcpy(path, words[0]);
      strcpy(strrchr(path, '/') + 1, "made");
      if (strncmp(what, "free-", 5) == 0) what += 5;
      else if (berth_confine((berth_confinement_limits){64 << 20, 1}) != 7) tell("a wall is missing");
      char *arguments[] = {"/bin/true", NULL};
    #define IF(name) if (strcmp(what, name) == 0)
      IF("open") try(open("/etc/passwd", O_RDONLY));
      IF("create") try(open(path, O_WRONLY | O_CREAT, 0600));
      IF("remove") try(unlink(path));
      IF("fork") {
        long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0) _exit(0);
        try(child);
      }
      IF("kill") try(kill(getppid(), 0));
      IF("signal") try(syscall(SYS_tgkill, getppid(), getppid(), 0));
      IF("limit") try(syscall(SYS_prlimit64, 0, 0, 0, bytes));
      IF("ring") try(syscall(SYS_io_uring_setup, 1, bytes));
      IF("pair") try(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)bytes));
      IF("socket") try(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
      IF("connect") try(syscall(SYS_connect, 0, bytes, 16));
      IF("exec") try(syscall(SYS_execve, "/bin/true", arguments, NULL));
      IF("trace") try(syscall(SYS_ptrace, 0, 0, 0, 0));
      IF("others") try(syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0));
      IF("time") for (volatile long turns = 0;; turns++) {}
      IF("memory") {
        for (int megabytes = 0; megabytes < 256; megabytes++) {
          char *space = malloc(1 << 20);
          if (space == NULL) abort();
          memset(space, 1, 1 << 20);
        }
        tell("it had 256 MB");
      }
      tell("it knows nothing of that");
    }

    """#
}
