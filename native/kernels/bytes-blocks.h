// Rows of bytes in blocks that stay in the second-level cache: who packs them, who multiplies them with which panels.
#pragma once
#include "bytes-product.h"
#include "team.h"

namespace hence::HENCE_TARGET {

constexpr int64_t kByteBlockBytes = 512 << 10, kByteBlockRows = 1024, kByteRowStep = 32;

// Packed rows of a part, then their sums.
struct ByteBlock {
  ByteForm form;
  int64_t k, rows;
  HENCE_INLINE ByteBlock(int64_t allRows, int64_t k, bool isSigned) : form{isSigned, allRows >= kByteTileRows}, k(k) {
    const int64_t fitting = kByteBlockBytes / form.pitch(k) / kByteRowStep * kByteRowStep, padded = (allRows + kByteRowStep - 1) / kByteRowStep * kByteRowStep;
    rows = fitting < kByteRowStep ? kByteRowStep : fitting < kByteBlockRows ? fitting : kByteBlockRows;
    if (padded < rows) rows = padded;
  }
  HENCE_INLINE size_t rowsBytes() const { return size_t(rows * form.pitch(k)); }
  HENCE_INLINE size_t bytes() const { return rowsBytes() + size_t(rows) * 4; }
  HENCE_INLINE size_t rowScratch() const { return form.isWide() ? size_t(k + 63) / 64 * 64 : 0; }
  HENCE_INLINE size_t workspace(int threads) const { return size_t(threads) * (bytes() + rowScratch()); }
};

// The cut with the least work for the busiest thread, and among near equals the one that reads least: every part reads all
// weights, every member of a team all rows of its part.
HENCE_INLINE Team byteTeam(int64_t rows, int64_t panels, const Thread& thread) {
  Team best{1, 1, 0, 0, true};
  double least = 0;
  for (int parts = 1; parts <= thread.count; parts++) {
    if (parts > 1 && rows < parts * kByteRowStep) break;
    const int size = thread.count / parts;
    const int64_t partRows = ((rows + parts - 1) / parts + 15) / 16 * 16, teamPanels = (panels + size - 1) / size;
    const double cost = double(partRows * teamPanels) * 16 + 0.5 * double(rows * size + panels * 16 * parts) * 16;
    if (parts > 1 && cost >= least) continue;
    least = cost;
    best = {parts, size, thread.index / size, thread.index % size, thread.index >= parts * size};
  }
  return best;
}

// Rows times w, the columns of a result from `column` on. `plain` is x where its rows lie as they are wanted, `k` bytes
// apart, or null; otherwise pack(row, to) writes a row in its form, `scratch` being memory for one of k bytes.
template <class Pack>
HENCE_INLINE void multiplyByteRows(const QuantisedMatmulArgs& a, const PackedMatrix& w, int64_t column, int64_t columns, const uint8_t* plain, const Thread& thread, const Pack& pack) {
  const ByteBlock block(a.rows, w.k, a.isSigned);
  const ByteForm form = block.form;
  const bool packs = !plain || !form.isPlain(w.k) || w.k % 2048 == 0 || paddedByteRows(a.rows, form) != a.rows;
  const bool sums = needsRowSums(a.weightGrid, -a.weightShift, a.n);
  const int64_t panels = panelCount(columns), pitch = packs ? form.pitch(w.k) : w.k;
  const Team team = byteTeam(a.rows, panels, thread);
  uint8_t *own = a.workspace + size_t(team.part) * block.bytes(), *scratch = a.workspace + size_t(thread.count) * block.bytes() + size_t(thread.index) * block.rowScratch();
  int32_t* rowSums = (int32_t*)(own + block.rowsBytes());
  const Range mine = cut(a.rows, kByteRowStep, team.part, team.parts), myPanels = cut(panels, 2, team.member, team.size);
  // Members of a team meet as often as the largest part has blocks.
  const int64_t blocks = ((a.rows + kByteRowStep - 1) / kByteRowStep / team.parts + 1) * kByteRowStep / block.rows + 1;
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t first = mine.begin + b * block.rows, left = mine.end - first, rows = left < 0 || team.idle ? 0 : left < block.rows ? left : block.rows;
    const ByteRows x{packs ? own : plain + first * pitch, pitch};
    if (rows > 0 && (packs || sums)) {
      const Range share = cut(paddedByteRows(rows, form), 1, team.member, team.size);
      for (int64_t r = share.begin; r < share.end; r++) {
        uint8_t* row = own + r * pitch;
        if (packs && r < rows) pack(first + r, form, scratch, row);
        else if (packs) std::memset(row, 0, size_t(form.bytes(w.k)));
        if (sums && r < rows) rowSums[r] = byteRowSum(x.data + r * pitch, w.k, form);
      }
    }
    const bool shares = team.size > 1 && (packs || sums);
    if (shares) thread.barrier();
    if (rows > 0) {
      ByteScales scales = ByteScales{a.xGrid, a.weightGrid, form.shift(), -a.weightShift, w.k, nullptr}.from(first, column);
      if (sums) scales.rowSums = rowSums;
      const int64_t at = first * a.n + column;
      const Output out{a.y + at, a.bias ? a.bias + column : nullptr, a.residual ? a.residual + at : nullptr, columns, a.n, a.finish};
      byteProducts(w, x, form, rows, myPanels, scales, out);
    }
    if (shares) thread.barrier();
  }
}

}  // namespace hence::HENCE_TARGET
