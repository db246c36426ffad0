/** The 32 fifth bits of a block: bit j belongs to value j. */
export function unpackHighBits(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)
}

/** Writes 32 values of 5 bits: their fifth bits as u32 at `offset`, then the low nibbles of j and j + 16 in a byte. */
export function packFiveBits(out: Uint8Array, offset: number, codeAt: (index: number) => number): void {
  for (let j = 0; j < 32; j++) {
    const q = codeAt(j)
    out[offset + (j >>> 3)]! |= (q >>> 4) << (j & 7)
    out[offset + 4 + (j & 15)]! |= (q & 15) << (j < 16 ? 0 : 4)
  }
}
