#include "region.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hence {

namespace {

int reserve(int fd, size_t bytes) {
#if defined(__linux__)
  return posix_fallocate(fd, 0, off_t(bytes));  // without it a full disk would end the process at the first touch
#else
  return ftruncate(fd, off_t(bytes)) == 0 ? 0 : errno;
#endif
}

uint8_t* map(size_t bytes, int protection, int flags, int fd) {
  void* p = mmap(nullptr, bytes, protection, flags, fd, 0);
  return p == MAP_FAILED ? nullptr : static_cast<uint8_t*>(p);
}

// Weights are read from end to end again and again: with pages of 4 KB a quarter of the time goes into looking up where they lie.
void wantHugePages(uint8_t* p, size_t bytes) {
#if defined(MADV_HUGEPAGE)
  madvise(p, bytes, MADV_HUGEPAGE);
#else
  (void)p, (void)bytes;
#endif
}

}  // namespace

Region* Region::anonymous(size_t bytes) {
  if (bytes == 0) bytes = 1;
  uint8_t* p = map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (!p) return nullptr;
  wantHugePages(p, bytes);
  return new Region(p, bytes);
}

Region* Region::createFile(const char* path, size_t bytes) {
  const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  int error = reserve(fd, bytes);
  uint8_t* p = error ? nullptr : map(bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  if (!p && !error) error = errno;
  close(fd);
  if (!p) {
    unlink(path);
    errno = error;
    return nullptr;
  }
  wantHugePages(p, bytes);
  return new Region(p, bytes);
}

Region* Region::openFile(const char* path, size_t bytes) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  struct stat status;
  int error = fstat(fd, &status) ? errno : 0;
  if (!error && (bytes == 0 || size_t(status.st_size) < bytes)) error = EINVAL;
  uint8_t* p = error ? nullptr : map(bytes, PROT_READ, MAP_SHARED, fd);
  if (!p && !error) error = errno;
  close(fd);
  if (p) wantHugePages(p, bytes);
#if defined(MADV_POPULATE_READ)
  if (p) madvise(p, bytes, MADV_POPULATE_READ);  // Linux 5.14; without it pages come when they are touched
#endif
  errno = error;
  return p ? new Region(p, bytes) : nullptr;
}

Region::~Region() { munmap(data, bytes); }

int Region::sync() const { return msync(data, bytes, MS_SYNC) == 0 ? 0 : errno; }

}  // namespace hence
