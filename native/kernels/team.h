// How threads share rows times columns of work: parts of the rows, and within a part a team that shares the columns. A team
// of one needs no barriers.
#pragma once
#include "../pool.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

struct Team {
  int parts, size;    // parts * size threads take part, the others only meet at barriers
  int part, member;   // of this thread
  bool idle;
};

// Multiply-adds a thread does in the time it takes to fetch a number from memory.
constexpr int64_t kWorkPerNumber = 32;

// The cut with the least work for the busiest thread, parts first. A row meets a column in `depth` multiply-adds; a part reads
// its rows and all columns, a member all rows of its part and its columns, of `depth` numbers each, a column `width` times.
// `leastRows`: rows below which a part is not worth it.
HENCE_INLINE Team teamFor(int64_t rows, int64_t columns, int64_t width, int64_t leastRows, const Thread& thread) {
  Team best{1, 1, 0, 0, true};
  int64_t least = INT64_MAX;
  for (int parts = thread.count; parts >= 1; parts--) {
    if (parts > 1 && rows < parts * leastRows) continue;
    const int size = thread.count / parts;
    const int64_t r = (rows + parts - 1) / parts, c = (columns + size - 1) / size * width;
    const int64_t work = r * c + (r + c) * kWorkPerNumber;
    if (work >= least) continue;
    least = work;
    best = {parts, size, thread.index / size, thread.index % size, thread.index >= parts * size};
  }
  return best;
}

// All threads share the columns.
HENCE_INLINE Team teamOfAll(const Thread& thread) { return {1, thread.count, 0, thread.index, false}; }

// Part `index` of `count` of n items, cut at multiples of `step`.
HENCE_INLINE Range cut(int64_t n, int64_t step, int index, int count) {
  const int64_t steps = (n + step - 1) / step;
  const int64_t begin = steps * index / count * step, end = steps * (index + 1) / count * step;
  return {begin < n ? begin : n, end < n ? end : n};
}

}  // namespace hence::HENCE_TARGET
