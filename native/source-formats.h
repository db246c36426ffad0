// The block formats of GGUF files, decoded into unsigned quants and untouched scales, one column of one packed unit at a
// time. Values follow ggml's definition of each format.
#pragma once
#include "pack.h"

namespace hence {

// One column of a unit: 64 k (plain layouts) or 256 k (super layouts).
struct UnitColumn {
  uint8_t quants[256];
  uint16_t scales[2], mins[2];      // plain: f16 per 32 k; super: element 0 is the f16 per 256 k
  uint8_t scales8[16], mins8[16];   // super: per group
};

// Decodes `blocks` consecutive source blocks (two of 32 k, or one of 256 k); the caller has cleared `out`.
using DecodeUnit = void (*)(const uint8_t* source, int blocks, UnitColumn& out);
DecodeUnit decoderOf(SourceType type);

// MXFP4 in f32, for matrices whose scales do not fit f16.
void decodeMxfp4(const uint8_t* source, int blocks, float* out);
// True when the block's scale is a power of two that f16 holds, or does not matter because all its quants are zero.
bool mxfp4FitsHalf(const uint8_t* block);

}  // namespace hence
