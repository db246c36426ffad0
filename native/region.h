// Memory that weights, states and arenas live in: anonymous pages, or a file of ours mapped into memory.
#pragma once
#include <cstddef>
#include <cstdint>

namespace hence {

class Region {
 public:
  // Zeroed pages that cost nothing until touched; null when the address space is exhausted.
  static Region* anonymous(size_t bytes);
  // A new file of `bytes` bytes, all of them reserved on the disk first, writable. Null with errno set.
  static Region* createFile(const char* path, size_t bytes);
  // The first `bytes` bytes of an existing file, read-only. Null with errno set, EINVAL when the file is shorter.
  static Region* openFile(const char* path, size_t bytes);
  ~Region();

  // Writes a created file through to the disk. 0 or an errno.
  int sync() const;

  uint8_t* const data;
  const size_t bytes;

 private:
  Region(uint8_t* d, size_t b) : data(d), bytes(b) {}
};

}  // namespace hence
