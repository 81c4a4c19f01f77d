#define _GNU_SOURCE
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long operations;
static long wanted;
static char kind;

int hone_fault_was_met(void) { return wanted > 0 && atomic_load(&operations) >= wanted; }

#ifdef __linux__
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off64_t);

__attribute__((constructor)) static void prepare(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  const char *fault = getenv("HONE_FAULT");
  const char *number = fault ? strchr(fault, ':') : NULL;
  if (number) {
    kind = fault[0];
    wanted = strtol(number + 1, NULL, 10);
  }
}

/// The error this operation meets, or 0; -1: half of it is done.
static int fault(int is_sync) {
  if (wanted == 0) return 0;
  long now = atomic_fetch_add(&operations, 1) + 1;
  if (now < wanted) return 0;
  switch (kind) {
  case 'k': raise(SIGKILL); return EIO;
  case 'e': return now == wanted ? EIO : 0;
  case 's': return is_sync ? 0 : now == wanted ? -1 : ENOSPC;
  default: return is_sync ? 0 : ENOSPC;
  }
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  int error = fault(0);
  if (error == -1) return real_pwrite(file, bytes, count / 2, offset);
  if (error) return errno = error, -1;
  return real_pwrite(file, bytes, count, offset);
}

int fdatasync(int file) {
  int error = fault(1);
  if (error > 0) return errno = error, -1;
  return real_fdatasync(file);
}

int ftruncate64(int file, off64_t size) {
  int error = fault(0);
  if (error) return errno = error == -1 ? ENOSPC : error, -1;
  return real_ftruncate(file, size);
}
#endif
