/* Breaks what a process asks of its machine, call by call: the clock, the disk, the network, and the process itself.
 *
 * Loaded with LD_PRELOAD. What is to break stands in a small file that the test maps as well ($SHIM_CONTROL; `shim.py` has the
 * same layout). Files count where they lie below $SHIM_FOLDER, connections where this process has opened them. After each sync the
 * file is copied to $SHIM_SHADOW, where one is named: what lies there is what a power cut would have left.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PREAD, PWRITE, SYNC, TRUNCATE, CONNECT, SEND, RECV, CALLS };
enum { KILL_BEFORE = -1, KILL_AFTER = -2, HALF = -3 };

struct control {
  int64_t clock;        /* nanoseconds by which the wall clock is ahead */
  int32_t skip[CALLS];  /* how many of these calls still pass */
  int32_t times[CALLS]; /* how many break after them */
  int32_t what[CALLS];  /* an errno, or one of the words above */
  int32_t seen[CALLS];  /* how many there were; only this side writes it */
};

static struct control nothing, *control = &nothing;
static const char *folder, *shadow;
static char ours[65536]; /* by descriptor: 1 = a connection that was opened here */

#define REAL(result, name, ...) \
  static result (*real_##name)(__VA_ARGS__); \
  if (!real_##name) real_##name = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("SHIM_CONTROL");
  folder = getenv("SHIM_FOLDER");
  shadow = getenv("SHIM_SHADOW");
  int fd = file ? open(file, O_RDWR) : -1;
  if (fd < 0) return;
  void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) control = map;
  close(fd);
}

static int path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return folder && !strncmp(path, folder, strlen(folder));
}

static int is_file(int fd) {
  char path[4096];
  return path_of(fd, path, sizeof path);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* What this call must do: 0 = what it always does. */
static int fault(int call) {
  __atomic_add_fetch(&control->seen[call], 1, __ATOMIC_SEQ_CST);
  if (control->times[call] <= 0) return 0;
  if (__atomic_sub_fetch(&control->skip[call], 1, __ATOMIC_SEQ_CST) >= 0) return 0;
  control->skip[call] = 0;
  __atomic_sub_fetch(&control->times[call], 1, __ATOMIC_SEQ_CST);
  if (control->what[call] == KILL_BEFORE) die();
  return control->what[call];
}

static void copy_to_shadow(int fd) {
  char path[4096], target[8192], *base;
  if (!shadow || !path_of(fd, path, sizeof path) || !(base = strrchr(path, '/'))) return;
  snprintf(target, sizeof target, "%s%s.new", shadow, base);
  int out = open(target, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  int in = open(path, O_RDONLY);
  static __thread char block[1 << 16];
  ssize_t n;
  while (in >= 0 && (n = read(in, block, sizeof block)) > 0)
    if (write(out, block, n) != n) break;
  if (in >= 0) close(in);
  close(out);
  char whole[8192];
  snprintf(whole, sizeof whole, "%s%s", shadow, base);
  rename(target, whole);
}

#define BROKEN(call, otherwise) \
  int f = fault(call); \
  if (f > 0) { errno = f; return -1; } \
  __typeof__(otherwise) result = otherwise; \
  if (f == KILL_AFTER) die(); \
  return result

static ssize_t reading(ssize_t (*real)(int, void *, size_t, off64_t), int fd, void *to, size_t n, off64_t at) {
  if (!is_file(fd)) return real(fd, to, n, at);
  BROKEN(PREAD, real(fd, to, f == HALF ? n / 2 : n, at));
}

static ssize_t writing(ssize_t (*real)(int, const void *, size_t, off64_t), int fd, const void *from, size_t n, off64_t at) {
  if (!is_file(fd)) return real(fd, from, n, at);
  BROKEN(PWRITE, real(fd, from, f == HALF ? n / 2 : n, at));
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
  REAL(ssize_t, pread64, int, void *, size_t, off64_t);
  return reading(real_pread64, fd, to, n, at);
}

ssize_t pread(int fd, void *to, size_t n, off_t at) {
  REAL(ssize_t, pread64, int, void *, size_t, off64_t);
  return reading(real_pread64, fd, to, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  return writing(real_pwrite64, fd, from, n, at);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  return writing(real_pwrite64, fd, from, n, at);
}

static int syncing(int (*real)(int), int fd) {
  if (!is_file(fd)) return real(fd);
  int f = fault(SYNC);
  if (f > 0) { errno = f; return -1; }
  int result = real(fd);
  if (result == 0) copy_to_shadow(fd);
  if (f == KILL_AFTER) die();
  return result;
}

int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  return syncing(real_fdatasync, fd);
}

int fsync(int fd) {
  REAL(int, fsync, int);
  return syncing(real_fsync, fd);
}

/* What is removed is gone from the shadow, too: a journal that is left there would be played back. */
int unlink(const char *path) {
  REAL(int, unlink, const char *);
  const char *base = strrchr(path, '/');
  if (shadow && base && folder && !strncmp(path, folder, strlen(folder))) {
    char whole[8192];
    snprintf(whole, sizeof whole, "%s%s", shadow, base);
    real_unlink(whole);
  }
  return real_unlink(path);
}

int ftruncate64(int fd, off64_t length) {
  REAL(int, ftruncate64, int, off64_t);
  if (!is_file(fd)) return real_ftruncate64(fd, length);
  BROKEN(TRUNCATE, real_ftruncate64(fd, length));
}

int connect(int fd, const struct sockaddr *to, socklen_t length) {
  REAL(int, connect, int, const struct sockaddr *, socklen_t);
  if (to->sa_family != AF_INET && to->sa_family != AF_INET6) return real_connect(fd, to, length);
  if (fd >= 0 && fd < (int)sizeof ours) ours[fd] = 1;
  BROKEN(CONNECT, real_connect(fd, to, length));
}

int close(int fd) {
  REAL(int, close, int);
  if (fd >= 0 && fd < (int)sizeof ours) ours[fd] = 0;
  return real_close(fd);
}

ssize_t send(int fd, const void *from, size_t n, int flags) {
  REAL(ssize_t, send, int, const void *, size_t, int);
  if (fd < 0 || fd >= (int)sizeof ours || !ours[fd]) return real_send(fd, from, n, flags);
  BROKEN(SEND, real_send(fd, from, n, flags));
}

ssize_t recv(int fd, void *to, size_t n, int flags) {
  REAL(ssize_t, recv, int, void *, size_t, int);
  if (fd < 0 || fd >= (int)sizeof ours || !ours[fd]) return real_recv(fd, to, n, flags);
  BROKEN(RECV, real_recv(fd, to, n, flags));
}

int clock_gettime(clockid_t which, struct timespec *now) {
  REAL(int, clock_gettime, clockid_t, struct timespec *);
  int result = real_clock_gettime(which, now);
  if (which != CLOCK_REALTIME || !control->clock) return result;
  int64_t all = now->tv_sec * 1000000000LL + now->tv_nsec + control->clock;
  now->tv_sec = all / 1000000000LL;
  now->tv_nsec = all % 1000000000LL;
  return result;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec exact;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}
