"""A library that stands before libc's: disks that fail, fill up or are slow, and a clock that jumps, as a file says."""

import subprocess
from pathlib import Path

from tests.machine import program

# The file holds words: `fsync` and `write` fail with EIO, `full` fails with ENOSPC, `slow` waits, `clock=SECONDS` moves the time.
# Standard output and error are spared: they are the log.
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int said(char *words, int most) {
    const char *path = getenv("FAULTS");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    int got = (int)syscall(SYS_read, fd, words, most - 1);
    syscall(SYS_close, fd);
    words[got < 0 ? 0 : got] = 0;
    return got > 0;
}

static int on_disk(int fd) { struct stat st; return fd > 2 && !fstat(fd, &st) && S_ISREG(st.st_mode); }

static int fails(int fd, const char *kind) {
    char words[200];
    int kept = errno;
    if (!on_disk(fd) || !said(words, sizeof words)) { errno = kept; return 0; }
    if (strstr(words, "slow") && !strcmp(kind, "fsync")) usleep(300000);
    if (strstr(words, "full") && strcmp(kind, "fsync")) { errno = ENOSPC; return 1; }
    if (strstr(words, kind)) { errno = EIO; return 1; }
    errno = kept;
    return 0;
}

#define REAL(name, type) static type real; if (!real) real = (type)dlsym(RTLD_NEXT, #name)
typedef int (*sync_call)(int);
int fsync(int fd) { REAL(fsync, sync_call); return fails(fd, "fsync") ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync, sync_call); return fails(fd, "fsync") ? -1 : real(fd); }
typedef ssize_t (*write_call)(int, const void *, size_t);
ssize_t write(int fd, const void *b, size_t n) { REAL(write, write_call); return fails(fd, "write") ? -1 : real(fd, b, n); }
typedef ssize_t (*pwrite_call)(int, const void *, size_t, off_t);
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { REAL(pwrite, pwrite_call); return fails(fd, "write") ? -1 : real(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off_t o) { REAL(pwrite64, pwrite_call); return fails(fd, "write") ? -1 : real(fd, b, n, o); }

static long offset(void) {
    char words[200], *at;
    int kept = errno;
    long seconds = said(words, sizeof words) && (at = strstr(words, "clock=")) ? atol(at + 6) : 0;
    errno = kept;
    return seconds;
}
typedef int (*clock_call)(clockid_t, struct timespec *);
int clock_gettime(clockid_t id, struct timespec *ts) {
    REAL(clock_gettime, clock_call);
    int result = real(id, ts);
    if (!result && id == CLOCK_REALTIME) ts->tv_sec += offset();
    return result;
}
typedef time_t (*time_call)(time_t *);
time_t time(time_t *t) { REAL(time, time_call); time_t now = real(0) + offset(); if (t) *t = now; return now; }
"""


class MachineFaults:
    """The library and its file; nothing fails while the file is empty."""

    def __init__(self, folder: Path) -> None:
        source, self.library, self._file = folder / "faults.c", folder / "faults.so", folder / "faults"
        source.write_text(SOURCE)
        subprocess.run([program("gcc"), "-O2", "-shared", "-fPIC", "-o", self.library, source, "-ldl"], check=True)
        self.set("")

    def set(self, words: str) -> None:
        """Written elsewhere and moved: nobody reads half of it."""
        new = self._file.with_suffix(".new")
        new.write_text(words)
        new.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "FAULTS": str(self._file)}
