/* Counts the calls of a process that write below one folder, and makes one of them fail.

   Loaded with LD_PRELOAD. Nothing happens until faulty_arm() is called; it is then as if the kernel or the power had
   failed at that call. Children of the process are not concerned. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { NOTHING = 0, KILL = 1, FAIL_ONCE = 2, FAIL_FROM_HERE = 3, SHORT_WRITE = 4, TORN_WRITE = 5 };

static char folder[PATH_MAX];
static size_t folder_length;
static volatile long calls, target;
static volatile int armed, kind, code;

__attribute__((constructor)) static void stay_out_of_children(void) { unsetenv("LD_PRELOAD"); }

void faulty_arm(const char *below, long at, int what, int error) {
    snprintf(folder, sizeof folder, "%s", below);
    folder_length = strlen(folder);
    calls = 0;
    target = at;
    kind = what;
    code = error;
    armed = 1;
}

void faulty_disarm(void) { armed = 0; }

long faulty_calls(void) { return calls; }

static int is_below(const char *path) {
    return path != NULL && strncmp(path, folder, folder_length) == 0;
}

static int of_descriptor(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int concerns(int directory, const char *path) {
    char place[PATH_MAX];
    if (!armed || path == NULL) return 0;
    if (path[0] == '/') return is_below(path);
    if (directory == AT_FDCWD) return getcwd(place, sizeof place) != NULL && is_below(place);
    return of_descriptor(directory, place) && is_below(place);
}

static int concerns_descriptor(int descriptor) {
    char place[PATH_MAX];
    return armed && of_descriptor(descriptor, place) && is_below(place);
}

/* Counts a call. Returns 1 if it must fail, with errno set; 2 if it is a write to be cut short. */
static int fault(int is_write) {
    long now = __sync_add_and_fetch(&calls, 1);
    if (now < target || kind == NOTHING || (now > target && kind != FAIL_FROM_HERE)) return 0;
    if (kind == KILL) raise(SIGKILL);
    if (kind == SHORT_WRITE || kind == TORN_WRITE) return is_write ? 2 : 0;
    errno = code;
    return 1;
}

#define REAL(name, type) \
    static __typeof__(type) real; \
    if (real == NULL) real = (__typeof__(type))dlsym(RTLD_NEXT, name)

#define OPENING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)

#define DEFINE_OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(#name, int (*)(const char *, int, ...)); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, int); va_end(more); \
        if ((flags & OPENING) && concerns(AT_FDCWD, path) && fault(0)) return -1; \
        return real(path, flags, mode); \
    }

DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name) \
    int name(int directory, const char *path, int flags, ...) { \
        REAL(#name, int (*)(int, const char *, int, ...)); \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, int); va_end(more); \
        if ((flags & OPENING) && concerns(directory, path) && fault(0)) return -1; \
        return real(directory, path, flags, mode); \
    }

DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

#define DEFINE_FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        REAL(#name, FILE *(*)(const char *, const char *)); \
        if ((strpbrk(mode, "wa+") != NULL) && concerns(AT_FDCWD, path) && fault(0)) return NULL; \
        return real(path, mode); \
    }

DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)

ssize_t write(int descriptor, const void *data, size_t length) {
    REAL("write", ssize_t (*)(int, const void *, size_t));
    if (concerns_descriptor(descriptor)) {
        int what = fault(1);
        if (what == 1) return -1;
        if (what == 2) {
            ssize_t written = real(descriptor, data, length / 2 + (length == 1));
            if (kind == TORN_WRITE) raise(SIGKILL);
            return written;
        }
    }
    return real(descriptor, data, length);
}

#define DEFINE_PATH(name, arguments, pass, directory, path) \
    int name arguments { \
        REAL(#name, int (*) arguments); \
        if (concerns(directory, path) && fault(0)) return -1; \
        return real pass; \
    }

DEFINE_PATH(unlink, (const char *path), (path), AT_FDCWD, path)
DEFINE_PATH(rmdir, (const char *path), (path), AT_FDCWD, path)
DEFINE_PATH(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
DEFINE_PATH(truncate, (const char *path, off_t size), (path, size), AT_FDCWD, path)
DEFINE_PATH(truncate64, (const char *path, off64_t size), (path, size), AT_FDCWD, path)
DEFINE_PATH(chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
DEFINE_PATH(rename, (const char *from, const char *to), (from, to), AT_FDCWD, to)
DEFINE_PATH(link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
DEFINE_PATH(symlink, (const char *from, const char *to), (from, to), AT_FDCWD, to)
DEFINE_PATH(unlinkat, (int at, const char *path, int flags), (at, path, flags), at, path)
DEFINE_PATH(mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), at, path)
DEFINE_PATH(fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags), at, path)
DEFINE_PATH(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), b, to)

#define DEFINE_DESCRIPTOR(name, arguments, pass) \
    int name arguments { \
        REAL(#name, int (*) arguments); \
        if (concerns_descriptor(descriptor) && fault(0)) return -1; \
        return real pass; \
    }

DEFINE_DESCRIPTOR(fsync, (int descriptor), (descriptor))
DEFINE_DESCRIPTOR(fdatasync, (int descriptor), (descriptor))
DEFINE_DESCRIPTOR(ftruncate, (int descriptor, off_t size), (descriptor, size))
DEFINE_DESCRIPTOR(ftruncate64, (int descriptor, off64_t size), (descriptor, size))
