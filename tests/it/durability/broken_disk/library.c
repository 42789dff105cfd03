/*
 * A file system that fails when it is told to, and that remembers what was synced: for tests.
 *
 * Loaded into the real program by LD_PRELOAD. It stands between the program and libc for everything below one folder,
 * $FAULTS_FOLDER, and does two things:
 *
 * - It lets operations fail as the file $FAULTS_CONTROL says, which the test writes while the program runs.
 * - It appends every operation to the file $FAULTS_TRACE, if there is one, from which the test works out what a power cut
 *   at any moment may leave on the disk.
 *
 * A sync that is made to fail syncs nothing, and the trace says so: that is what Linux does, which forgets what it could
 * not write and reports the next sync as good.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

extern char **environ;

enum kind { WRITE = 1, SYNC = 2, TRUNCATE = 4, NAME = 8 };

/* The layout is the test's, too. */
struct control {
    volatile int32_t left;   /* how many operations still succeed; negative: all do */
    volatile int32_t error;  /* the errno of those that fail */
    volatile int32_t kinds;  /* which kinds are counted and may fail */
    volatile int32_t times;  /* how many fail; negative: all from then on */
    volatile int32_t seen;   /* how many were counted */
    volatile int32_t failed; /* how many were made to fail */
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct control *control;
static char folder[4096];
static size_t folder_length;
static int trace = -1;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off64_t);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);

static const char *variable(const char *name) {
    size_t length = strlen(name);
    for (char **one = environ; one && *one; one++)
        if (!strncmp(*one, name, length) && (*one)[length] == '=') return *one + length + 1;
    return NULL;
}

static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_openat = dlsym(RTLD_NEXT, "openat64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    const char *below = variable("FAULTS_FOLDER"), *told = variable("FAULTS_CONTROL"), *into = variable("FAULTS_TRACE");
    if (!below || !told) return;
    int file = real_openat(AT_FDCWD, told, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    if (into) trace = real_openat(AT_FDCWD, into, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    snprintf(folder, sizeof folder, "%s", below);
    folder_length = strlen(folder);
    control = mapped;
}

/* Whether the test is about this path. */
static int is_ours(const char *path) {
    return control && !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

/* Whether the test is about this file; its number and kind, and where it is. */
static int is_our_file(int file, struct stat *what, char path[4096]) {
    char link[64];
    pthread_once(&once, begin);
    if (!control || fstat(file, what) || !(S_ISREG(what->st_mode) || S_ISDIR(what->st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return 0;
    path[length] = 0;
    return is_ours(path);
}

/* Whether an operation of this kind is to fail now. */
static int fails(enum kind kind) {
    if (!(control->kinds & kind)) return 0;
    control->seen++;
    if (control->left < 0) return 0;
    if (control->left > 0) {
        control->left--;
        return 0;
    }
    if (control->times == 0) return 0;
    if (control->times > 0) control->times--;
    control->failed++;
    errno = control->error;
    return 1;
}

/* One record: what, the number of the file, where, how long, and the bytes. */
static void note(char what, uint64_t number, uint64_t at, const void *bytes, uint32_t length) {
    if (trace < 0) return;
    char head[21];
    head[0] = what;
    memcpy(head + 1, &number, 8);
    memcpy(head + 9, &at, 8);
    memcpy(head + 17, &length, 4);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
    int before = errno;
    if (writev(trace, parts, length ? 2 : 1) < 0) _exit(99);
    errno = before;
}

static ssize_t write_at(int file, const void *bytes, size_t length, off64_t at, uint64_t number) {
    if (fails(WRITE)) return -1;
    ssize_t written = real_pwrite(file, bytes, length, at);
    if (written > 0) note('W', number, at, bytes, written);
    return written;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    char path[4096];
    struct stat what;
    if (!is_our_file(file, &what, path)) return real_pwrite(file, bytes, length, at);
    pthread_mutex_lock(&turn);
    ssize_t written = write_at(file, bytes, length, at, what.st_ino);
    pthread_mutex_unlock(&turn);
    return written;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) { return pwrite64(file, bytes, length, at); }

ssize_t write(int file, const void *bytes, size_t length) {
    char path[4096];
    struct stat what;
    if (!is_our_file(file, &what, path)) return real_write(file, bytes, length);
    pthread_mutex_lock(&turn);
    off64_t at = lseek64(file, 0, SEEK_CUR);
    ssize_t written = write_at(file, bytes, length, at, what.st_ino);
    if (written > 0) lseek64(file, at + written, SEEK_SET);
    pthread_mutex_unlock(&turn);
    return written;
}

int fsync(int file) {
    char path[4096];
    struct stat what;
    if (!is_our_file(file, &what, path)) return real_fsync(file);
    pthread_mutex_lock(&turn);
    int outcome = fails(SYNC) ? -1 : real_fsync(file);
    note(outcome ? 'F' : S_ISDIR(what.st_mode) ? 'D' : 'S', what.st_ino, 0, path, strlen(path));
    pthread_mutex_unlock(&turn);
    return outcome;
}

int fdatasync(int file) { return fsync(file); }

int ftruncate64(int file, off64_t length) {
    char path[4096];
    struct stat what;
    if (!is_our_file(file, &what, path)) return real_ftruncate(file, length);
    pthread_mutex_lock(&turn);
    int outcome = fails(TRUNCATE) ? -1 : real_ftruncate(file, length);
    if (outcome == 0) note('T', what.st_ino, length, NULL, 0);
    pthread_mutex_unlock(&turn);
    return outcome;
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

int openat64(int at, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    pthread_once(&once, begin);
    if (!(flags & O_CREAT) || !is_ours(path)) return real_openat(at, path, flags, mode);
    pthread_mutex_lock(&turn);
    struct stat what;
    int is_new = stat(path, &what) != 0;
    int file = is_new && fails(NAME) ? -1 : real_openat(at, path, flags, mode);
    if (file >= 0 && is_new && !fstat(file, &what)) note('C', what.st_ino, 0, path, strlen(path));
    pthread_mutex_unlock(&turn);
    return file;
}

int openat(int at, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat64(at, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat64(AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat64(AT_FDCWD, path, flags, mode);
}

int unlink(const char *path) {
    pthread_once(&once, begin);
    if (!is_ours(path)) return real_unlink(path);
    pthread_mutex_lock(&turn);
    int outcome = fails(NAME) ? -1 : real_unlink(path);
    if (outcome == 0) note('U', 0, 0, path, strlen(path));
    pthread_mutex_unlock(&turn);
    return outcome;
}

int rename(const char *from, const char *to) {
    pthread_once(&once, begin);
    if (!is_ours(to)) return real_rename(from, to);
    pthread_mutex_lock(&turn);
    int outcome = fails(NAME) ? -1 : real_rename(from, to);
    if (outcome == 0) {
        char both[8192];
        int length = snprintf(both, sizeof both, "%s\n%s", from, to);
        note('R', 0, 0, both, length);
    }
    pthread_mutex_unlock(&turn);
    return outcome;
}

int mkdir(const char *path, mode_t mode) {
    pthread_once(&once, begin);
    if (!is_ours(path)) return real_mkdir(path, mode);
    pthread_mutex_lock(&turn);
    struct stat what;
    int outcome = fails(NAME) ? -1 : real_mkdir(path, mode);
    if (outcome == 0 && !stat(path, &what)) note('M', what.st_ino, 0, path, strlen(path));
    pthread_mutex_unlock(&turn);
    return outcome;
}
