/* Stands before the C library's own calls and has those fail that FAULT names: "WHAT PART ERRNO FROM TIMES".
 *
 * WHAT    write   the call fails
 *         room    the disk has room for FROM more bytes, then it is full
 *         short   half of the bytes are written
 *         sync    fsync and fdatasync fail
 *         open    opening to write fails
 *         rename  whoever syncs a file of this name can rename nothing from there on
 * PART    of the file's path
 * FROM    the first call that fails, from 1
 * TIMES   how often; 0 is for good
 *
 * FAULT_WHEN names a file without which nothing fails; FAULT_LOG one that grows by a byte with each failure.
 * SLOW_SYNC_MS is how long every sync takes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static char what[16], part[256];
static int error;
static long from, times, calls, written;

__attribute__((constructor)) static void read_fault(void) {
    const char *fault = getenv("FAULT");
    if (fault) sscanf(fault, "%15s %255s %d %ld %ld", what, part, &error, &from, &times);
}

static int is_meant(const char *asked, const char *path) {
    const char *when = getenv("FAULT_WHEN");
    return !strcmp(what, asked) && strstr(path, part) && (!when || !access(when, F_OK));
}

static void note(void) {
    const char *log = getenv("FAULT_LOG");
    int fd = log ? syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (fd >= 0) syscall(SYS_write, fd, "x", 1), close(fd);
}

static int strikes(const char *asked, const char *path) {
    if (!is_meant(asked, path)) return 0;
    long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (call < from || (times && call >= from + times)) return 0;
    note();
    return 1;
}

static void name(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
}

/* How many of the bytes can be written; -1 fails. */
static long admit(int fd, long bytes) {
    char path[4096];
    if (!*what) return bytes;
    name(fd, path, sizeof path);
    if (strikes("short", path)) return (bytes + 1) / 2;
    if (strikes("write", path)) return errno = error, -1;
    if (!is_meant("room", path)) return bytes;
    long left = from - __atomic_fetch_add(&written, bytes, __ATOMIC_SEQ_CST);
    if (left >= bytes && left > 0) return bytes;
    if (left > 0) return left;
    note();
    return errno = error, -1;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    long some = admit(fd, size);
    return some < 0 ? -1 : syscall(SYS_write, fd, bytes, some);
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    long some = admit(fd, size);
    return some < 0 ? -1 : syscall(SYS_pwrite64, fd, bytes, some, at);
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return pwrite64(fd, bytes, size, at); }
int ftruncate64(int fd, off64_t size) { return admit(fd, 0) < 0 ? -1 : syscall(SYS_ftruncate, fd, size); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fallocate64(int fd, int mode, off64_t at, off64_t size) {
    return admit(fd, size) < 0 ? -1 : syscall(SYS_fallocate, fd, mode, at, size);
}
int fallocate(int fd, int mode, off_t at, off_t size) { return fallocate64(fd, mode, at, size); }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return fallocate64(fd, 0, at, size) ? errno : 0; }
int posix_fallocate(int fd, off_t at, off_t size) { return posix_fallocate64(fd, at, size); }

/* In this thread, and for system calls made without the C library too. */
static void forbid_renames(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_rename
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rename, 3, 0),
#else
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 3, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int sync_fails(int fd) {
    char path[4096];
    const char *ms = getenv("SLOW_SYNC_MS");
    if (ms) usleep(atoi(ms) * 1000);
    if (!*what) return 0;
    name(fd, path, sizeof path);
    if (strikes("rename", path)) forbid_renames();
    return strikes("sync", path) ? errno = error : 0;
}

int fsync(int fd) { return sync_fails(fd) ? -1 : syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_fails(fd) ? -1 : syscall(SYS_fdatasync, fd); }

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    if ((flags & O_ACCMODE) != O_RDONLY && strikes("open", path)) return errno = error, -1;
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open64(path, flags, mode);
}
