// Attention on every instruction set of this machine against plain double precision. Pools start full of NaN, so that a
// slot which must not be read shows. Results must be the same bits for any number of threads and any batch.
#include <algorithm>

#include "harness.h"

namespace hence::test {
namespace {

struct Case {
  const char* name;
  int heads, kvHeads, headDim;
  std::vector<std::pair<int, int>> sequences;  // queries, context length
  int window = 0;
  float softcap = 0;
  bool sinks = false;
  KvType type = KvType::F32;
};

struct Batch {
  Case shape;
  std::vector<float> query, sinks;
  std::vector<uint8_t> keyPool, valuePool;
  std::vector<int32_t> queryStarts{0}, contextLengths, blockStarts{0}, blocks;
  std::vector<float> keys, values;  // dense: [sequence][position][kvHeads * headDim], as stored (rounded)
  std::vector<size_t> denseStarts{0};
};

float rounded(float x, KvType type) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if (type == KvType::BF16) bits &= 0xffff0000;
  if (type == KvType::F16) bits &= 0xffffe000;  // within the normal range of f16
  std::memcpy(&x, &bits, 4);
  return type == KvType::F16 && std::fabs(x) < 1e-4f ? 0.0f : x;
}

// A number as the pool has it: in an I8 pool a byte times the scale.
float stored(Rng& rng, KvType type, float scale) { return type == KvType::I8 ? float(rng.below(255) - 127) * scale : rounded(rng.normal(), type); }

// Number i of the head at byte `head` of the pool, where it is of the token at `place`.
void put(std::vector<uint8_t>& pool, KvType type, size_t head, size_t i, int place, float x, float scale) {
  if (type == KvType::I8) {
    std::memcpy(&pool[head + size_t(place) * 4], &scale, 4);
    pool[head + size_t(kvScaleBytes(type)) + i] = uint8_t(int(std::lround(x / scale)));
    return;
  }
  i += head / size_t(kvElementBytes(type));
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  if (type == KvType::F32) return void(std::memcpy(&pool[4 * i], &bits, 4));
  uint16_t h = uint16_t(bits >> 16);
  if (type == KvType::F16) h = x == 0 ? 0 : uint16_t((bits >> 16 & 0x8000) | (((bits & 0x7fffffff) - 0x38000000) >> 13));
  std::memcpy(&pool[2 * i], &h, 2);
}

Batch makeBatch(const Case& c, Rng& rng) {
  Batch b;
  b.shape = c;
  size_t blocks = 0, tokens = 0;
  for (auto [queries, context] : c.sequences) blocks += size_t(context + 15) / 16, tokens += size_t(queries);
  const size_t poolBlocks = blocks + 3, headBytes = size_t(kvHeadBytes(c.type, c.headDim));
  b.keyPool.assign(poolBlocks * size_t(c.kvHeads) * headBytes, 0xff);  // NaN in all types, as a scale in I8
  b.valuePool = b.keyPool;
  std::vector<int32_t> order(poolBlocks);
  for (size_t i = 0; i < poolBlocks; i++) order[i] = int32_t(i);
  for (size_t i = poolBlocks - 1; i > 0; i--) std::swap(order[i], order[size_t(rng.below(int(i + 1)))]);
  b.query = rng.normals(tokens * size_t(c.heads * c.headDim), 1.5f);
  b.sinks = rng.normals(size_t(c.heads), 2);
  for (auto [queries, context] : c.sequences) {
    b.queryStarts.push_back(b.queryStarts.back() + queries);
    b.contextLengths.push_back(context);
    // A query sees `window` keys; whatever lies before the first one's window may have been given away.
    const int firstKept = c.window ? std::max(0, context - queries - c.window + 1) : 0;
    for (int p = 0; p < context; p++) {
      if (p % 16 == 0) b.blocks.push_back(order[b.blocks.size()]);
      for (int h = 0; h < c.kvHeads; h++) {
        const size_t head = (size_t(b.blocks.back()) * size_t(c.kvHeads) + size_t(h)) * headBytes;
        const float keyScale = 0.01f + 0.0005f * float(rng.below(20)), valueScale = 0.01f + 0.0005f * float(rng.below(20));
        for (int d = 0; d < c.headDim; d++) {
          const float k = stored(rng, c.type, keyScale), v = stored(rng, c.type, valueScale);
          b.keys.push_back(k), b.values.push_back(v);
          if (p < firstKept) continue;
          put(b.keyPool, c.type, head, size_t(d * 16 + p % 16), p % 16, k, keyScale);
          put(b.valuePool, c.type, head, size_t(p % 16 * c.headDim + d), p % 16, v, valueScale);
        }
      }
    }
    b.blockStarts.push_back(int32_t(b.blocks.size()));
    b.denseStarts.push_back(b.keys.size());
  }
  return b;
}

std::vector<double> reference(const Batch& b, float scale) {
  const Case& c = b.shape;
  const size_t row = size_t(c.kvHeads * c.headDim);
  std::vector<double> y(b.query.size());
  for (size_t s = 0; s < c.sequences.size(); s++)
    for (int q = b.queryStarts[s]; q < b.queryStarts[s + 1]; q++) {
      const int position = b.contextLengths[s] - (b.queryStarts[s + 1] - q), first = c.window ? std::max(0, position - c.window + 1) : 0;
      for (int h = 0; h < c.heads; h++) {
        const size_t at = size_t(q * c.heads + h) * size_t(c.headDim), kv = b.denseStarts[s] + size_t(h / (c.heads / c.kvHeads) * c.headDim);
        std::vector<double> scores;
        double largest = c.sinks ? b.sinks[size_t(h)] : -INFINITY, sum = 0;
        for (int p = first; p <= position; p++) {
          double score = 0;
          for (int d = 0; d < c.headDim; d++) score += double(b.query[at + size_t(d)]) * b.keys[kv + size_t(p) * row + size_t(d)];
          score *= scale;
          if (c.softcap > 0) score = c.softcap * std::tanh(score / c.softcap);
          scores.push_back(score);
          largest = std::max(largest, score);
        }
        if (c.sinks) sum += std::exp(b.sinks[size_t(h)] - largest);
        for (size_t i = 0; i < scores.size(); i++) {
          const double weight = std::exp(scores[i] - largest);
          sum += weight;
          for (int d = 0; d < c.headDim; d++) y[at + size_t(d)] += weight * b.values[kv + (size_t(first) + i) * row + size_t(d)];
        }
        for (int d = 0; d < c.headDim; d++) y[at + size_t(d)] /= sum;
      }
    }
  return y;
}

// Runs sequences from .. to of a batch; y gets rows of these only.
void run(const Kernels& k, const Batch& b, float scale, int threads, size_t from, size_t to, std::vector<float>& y) {
  const Case& c = b.shape;
  static Pool pool(5);
  const int longest = *std::max_element(b.contextLengths.begin(), b.contextLengths.end());
  const size_t bytes = k.attentionWorkspace(b.queryStarts.back(), int64_t(c.sequences.size()), c.heads, c.headDim, longest, threads);
  std::vector<uint8_t> workspace(bytes + 64, 0xff);  // NaN here too
  AttentionArgs args{b.query.data(), b.keyPool.data(), b.valuePool.data(), b.queryStarts.data() + from, b.contextLengths.data() + from, b.blockStarts.data() + from,
                     b.blocks.data(), y.data(), b.queryStarts[to] - b.queryStarts[from], int64_t(to - from), c.heads, c.kvHeads, c.headDim, scale, c.softcap, true, c.window,
                     nullptr, 0, c.sinks ? b.sinks.data() : nullptr, c.type, Precision::Exact, workspace.data()};
  pool.run(threads, [&](const Thread& t) { k.attention(args, t); });
  for (size_t i = bytes; i < workspace.size(); i++) require(workspace[i] == 0xff, k.name, std::string(c.name) + ": workspace overrun");
}

void testCase(const Kernels& k, const Case& c) {
  Errors errors(k.name, c.name, 3e-6);
  Rng rng;
  const float scale = 1 / std::sqrt(float(c.headDim));
  const Batch b = makeBatch(c, rng);
  const auto expected = reference(b, scale);
  std::vector<float> first(b.query.size(), NAN);
  run(k, b, scale, 1, 0, c.sequences.size(), first);
  errors.add(first, expected, "1 thread");
  for (int threads : {2, 3, 5}) {
    std::vector<float> y(b.query.size(), NAN);
    run(k, b, scale, threads, 0, c.sequences.size(), y);
    require(std::memcmp(y.data(), first.data(), y.size() * 4) == 0, k.name, std::string(c.name) + ": other bits on " + std::to_string(threads) + " threads");
  }
  std::vector<float> alone(b.query.size(), NAN);
  for (size_t s = 0; s < c.sequences.size(); s++) run(k, b, scale, 2, s, s + 1, alone);
  require(std::memcmp(alone.data(), first.data(), alone.size() * 4) == 0, k.name, std::string(c.name) + ": other bits alone than in the batch");
}

const Case kCases[] = {
    {"one token", 4, 2, 64, {{1, 1}}},
    {"decode", 32, 8, 64, {{1, 700}, {1, 17}, {1, 512}, {1, 513}}},
    {"decode, long", 8, 2, 128, {{1, 4096}}},
    {"decode, odd group", 14, 2, 64, {{1, 1300}, {1, 31}}},
    {"decode, one key head", 9, 1, 48, {{1, 2049}}},
    {"decode, own key heads", 5, 5, 80, {{1, 1111}, {1, 64}}},
    {"decode, wide group", 71, 1, 64, {{1, 600}}},
    {"prefill", 8, 2, 64, {{200, 200}}},
    {"prefill, long", 4, 1, 64, {{33, 4096}}},
    {"prefill, 256", 4, 2, 256, {{40, 90}}},
    {"prefill, 96", 6, 3, 96, {{50, 650}}},
    {"head of 8", 4, 2, 8, {{30, 77}}},
    {"head of 20", 4, 2, 20, {{30, 77}, {1, 530}}},
    {"mixed", 6, 2, 64, {{1, 100}, {0, 40}, {17, 60}, {5, 700}, {1, 1}, {130, 130}}},
    {"window", 4, 2, 64, {{90, 700}, {1, 1000}, {3, 5}}, 33},
    {"window, wide", 4, 4, 32, {{10, 1400}}, 600},
    {"window of one", 3, 1, 16, {{20, 40}}, 1},
    {"softcap", 4, 2, 64, {{20, 60}, {1, 600}}, 0, 5.0f},
    {"sinks", 6, 2, 64, {{20, 60}, {1, 600}}, 20, 0, true},
    {"sinks, softcap", 6, 2, 16, {{20, 600}}, 0, 2.0f, true},
    {"f16 pool", 6, 2, 64, {{20, 60}, {1, 600}}, 0, 0, false, KvType::F16},
    {"f16 pool, head of 20", 6, 2, 20, {{20, 60}, {1, 600}}, 30, 0, false, KvType::F16},
    {"bf16 pool", 6, 2, 128, {{20, 60}, {1, 600}}, 0, 0, false, KvType::BF16},
    {"i8 pool", 6, 2, 128, {{20, 60}, {1, 600}, {70, 1100}}, 0, 0, false, KvType::I8},
    {"i8 pool, head of 20", 6, 2, 20, {{20, 60}, {1, 600}}, 30, 0, false, KvType::I8},
    {"i8 pool, softcap, sinks", 8, 1, 64, {{1, 700}, {3, 17}, {90, 90}}, 0, 5.0f, true, KvType::I8},
};

}  // namespace
}  // namespace hence::test

int main(int argc, char** argv) {
  using namespace hence::test;
  return forEachTarget(argc, argv, [](const hence::Kernels& k) {
    for (const Case& c : kCases) testCase(k, c);
  });
}
