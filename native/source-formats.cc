#include "source-formats.h"

#include <cstring>

namespace hence {

namespace {

uint16_t half(const uint8_t* p) {
  uint16_t h;
  std::memcpy(&h, p, 2);
  return h;
}

// The codebook of IQ4_NL and IQ4_XS, and e2m1 (the elements of MXFP4) times 16, as offsets from -128: both fill the range
// of a byte, which the int8 tiles count on.
constexpr uint8_t kIq4[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
constexpr uint8_t kE2m1[16] = {128, 136, 144, 152, 160, 176, 192, 224, 128, 120, 112, 104, 96, 80, 64, 32};

// ---- blocks of 32 k: low nibbles are the first 16 k, high nibbles the others

void nibbles(const uint8_t* packed, uint8_t* out, int count) {
  for (int i = 0; i < count; i++) out[i] = packed[i] & 15;
  for (int i = 0; i < count; i++) out[count + i] = packed[i] >> 4;
}

void codes(const uint8_t* packed, const uint8_t* codebook, uint8_t* out) {
  nibbles(packed, out, 16);
  for (int i = 0; i < 32; i++) out[i] = codebook[out[i]];
}

void fiveBits(const uint8_t* high, const uint8_t* low, uint8_t* out, int offset) {
  nibbles(low, out, 16);
  for (int i = 0; i < 32; i++) out[i] = uint8_t(out[i] + (high[i / 8] >> i % 8 & 1) * 16 + offset);
}

uint16_t powerOfTwoHalf(int exponent) {  // 2^exponent, -24 <= exponent <= 15
  return exponent >= -14 ? uint16_t((exponent + 15) << 10) : uint16_t(1 << (exponent + 24));
}

void q8_0(const uint8_t* s, int blocks, UnitColumn& out) {
  for (int b = 0; b < blocks; b++, s += 34) {
    out.scales[b] = half(s);
    for (int i = 0; i < 32; i++) out.quants[b * 32 + i] = s[2 + i] ^ 128;
  }
}

void q4_0(const uint8_t* s, int blocks, UnitColumn& out) {
  for (int b = 0; b < blocks; b++, s += 18) {
    out.scales[b] = half(s);
    nibbles(s + 2, out.quants + b * 32, 16);
  }
}

void q4_1(const uint8_t* s, int blocks, UnitColumn& out) {
  for (int b = 0; b < blocks; b++, s += 20) {
    out.scales[b] = half(s);
    out.mins[b] = half(s + 2);
    nibbles(s + 4, out.quants + b * 32, 16);
  }
}

void q5_0(const uint8_t* s, int blocks, UnitColumn& out) {  // zero point 16 in the source, 32 in the layout
  for (int b = 0; b < blocks; b++, s += 22) {
    out.scales[b] = half(s);
    fiveBits(s + 2, s + 6, out.quants + b * 32, 16);
  }
}

void q5_1(const uint8_t* s, int blocks, UnitColumn& out) {
  for (int b = 0; b < blocks; b++, s += 24) {
    out.scales[b] = half(s);
    out.mins[b] = half(s + 2);
    fiveBits(s + 4, s + 8, out.quants + b * 32, 0);
  }
}

void iq4_nl(const uint8_t* s, int blocks, UnitColumn& out) {
  for (int b = 0; b < blocks; b++, s += 18) {
    out.scales[b] = half(s);
    codes(s + 2, kIq4, out.quants + b * 32);
  }
}

void mxfp4(const uint8_t* s, int blocks, UnitColumn& out) {
  for (int b = 0; b < blocks; b++, s += 17) {
    const int exponent = s[0] - 131;
    out.scales[b] = exponent >= -24 && exponent <= 15 ? powerOfTwoHalf(exponent) : 0;
    codes(s + 1, kE2m1, out.quants + b * 32);
  }
}

// ---- blocks of 256 k

// Eight 6-bit scales and minimums of Q4_K and Q5_K: the low four bits of the last four share bytes 8..11.
void scalesAndMins(const uint8_t* s, UnitColumn& out) {
  for (int i = 0; i < 4; i++) {
    out.scales8[i] = s[i] & 63;
    out.mins8[i] = s[4 + i] & 63;
    out.scales8[4 + i] = uint8_t((s[8 + i] & 15) | (s[i] >> 6 << 4));
    out.mins8[4 + i] = uint8_t((s[8 + i] >> 4) | (s[4 + i] >> 6 << 4));
  }
}

// 64 bytes of four 2-bit planes each: plane p of bytes 32h..32h+31 holds k = 128h + 32p ...
void twoBits(const uint8_t* packed, uint8_t* out) {
  for (int h = 0; h < 2; h++)
    for (int plane = 0; plane < 4; plane++)
      for (int i = 0; i < 32; i++) out[h * 128 + plane * 32 + i] = packed[h * 32 + i] >> 2 * plane & 3;
}

void q2_k(const uint8_t* s, int, UnitColumn& out) {
  for (int g = 0; g < 16; g++) out.scales8[g] = s[g] & 15, out.mins8[g] = s[g] >> 4;
  twoBits(s + 16, out.quants);
  out.scales[0] = half(s + 80);
  out.mins[0] = half(s + 82);
}

void q3_k(const uint8_t* s, int, UnitColumn& out) {  // two low bits, and a high bit that subtracts 4 where it is absent
  const uint8_t *high = s, *scales = s + 96;
  twoBits(s + 32, out.quants);
  for (int g = 0; g < 8; g++)
    for (int i = 0; i < 32; i++) out.quants[g * 32 + i] = uint8_t(out.quants[g * 32 + i] + 4 + (high[i] >> g & 1) * 4);
  for (int g = 0; g < 16; g++) {
    const int low = scales[g % 8] >> g / 8 * 4 & 15, top = scales[8 + g % 4] >> g / 4 * 2 & 3;
    out.scales8[g] = uint8_t((low | top << 4) - 32);
  }
  out.scales[0] = half(s + 108);
}

void q4_k(const uint8_t* s, int, UnitColumn& out) {
  out.scales[0] = half(s);
  out.mins[0] = half(s + 2);
  scalesAndMins(s + 4, out);
  for (int i = 0; i < 4; i++) nibbles(s + 16 + i * 32, out.quants + i * 64, 32);
}

void q5_k(const uint8_t* s, int, UnitColumn& out) {
  const uint8_t* high = s + 16;
  out.scales[0] = half(s);
  out.mins[0] = half(s + 2);
  scalesAndMins(s + 4, out);
  for (int i = 0; i < 4; i++) nibbles(s + 48 + i * 32, out.quants + i * 64, 32);
  for (int g = 0; g < 8; g++)
    for (int i = 0; i < 32; i++) out.quants[g * 32 + i] = uint8_t(out.quants[g * 32 + i] + (high[i] >> g & 1) * 16);
}

void q6_k(const uint8_t* s, int, UnitColumn& out) {
  for (int h = 0; h < 2; h++) nibbles(s + h * 64, out.quants + h * 128, 64);
  uint8_t high[256];
  twoBits(s + 128, high);
  for (int i = 0; i < 256; i++) out.quants[i] = uint8_t(out.quants[i] + high[i] * 16);
  std::memcpy(out.scales8, s + 192, 16);
  out.scales[0] = half(s + 208);
}

void iq4_xs(const uint8_t* s, int, UnitColumn& out) {  // scale per 32 k, written twice: the layout's groups are 16
  const uint16_t top = half(s + 2);
  out.scales[0] = half(s);
  for (int g = 0; g < 8; g++) {
    const int low = s[4 + g / 2] >> g % 2 * 4 & 15;
    out.scales8[2 * g] = out.scales8[2 * g + 1] = uint8_t((low | (top >> 2 * g & 3) << 4) - 32);
    codes(s + 8 + g * 16, kIq4, out.quants + g * 32);
  }
}

}  // namespace

DecodeUnit decoderOf(SourceType type) {
  switch (type) {
    case SourceType::Q4_0: return q4_0;
    case SourceType::Q4_1: return q4_1;
    case SourceType::Q5_0: return q5_0;
    case SourceType::Q5_1: return q5_1;
    case SourceType::Q8_0: return q8_0;
    case SourceType::Q2_K: return q2_k;
    case SourceType::Q3_K: return q3_k;
    case SourceType::Q4_K: return q4_k;
    case SourceType::Q5_K: return q5_k;
    case SourceType::Q6_K: return q6_k;
    case SourceType::IQ4_NL: return iq4_nl;
    case SourceType::IQ4_XS: return iq4_xs;
    case SourceType::MXFP4: return mxfp4;
    case SourceType::F32: case SourceType::F16: case SourceType::BF16: case SourceType::S8: case SourceType::Count: break;
  }
  return nullptr;
}

void decodeMxfp4(const uint8_t* s, int blocks, float* out) {
  for (int b = 0; b < blocks; b++, s += 17, out += 32) {
    const uint32_t bits = s[0] < 2 ? 0x00200000u << s[0] : uint32_t(s[0] - 1) << 23;  // 2^(e - 128): of elements times 2
    float scale;
    std::memcpy(&scale, &bits, 4);
    uint8_t quants[32];
    codes(s + 1, kE2m1, quants);
    for (int i = 0; i < 32; i++) out[i] = scale * float((int(quants[i]) - 128) / 8);
  }
}

bool mxfp4FitsHalf(const uint8_t* block) {
  if (block[0] >= 107 && block[0] <= 146) return true;  // 2^-24 .. 2^15
  int any = 0;
  for (int i = 1; i < 17; i++) any |= block[i] & 0x77;  // bit 3 of a nibble is the sign
  return any == 0;
}

}  // namespace hence
