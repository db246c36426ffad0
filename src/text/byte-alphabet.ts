import { characterNormalizer, type Normalizer } from './normalizer.ts'

/**
 * The 256 printable characters that stand for bytes in byte-level vocabularies.
 * Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), encoder of the released code:
 * printable Latin-1 bytes stand for themselves, the others, in order, for U+0100 and following.
 */
export const BYTE_TO_CODE: Uint16Array = byteCodes()

/** Byte of each code unit of the alphabet, 255 < value for code units outside it; index below 324. */
const CODE_TO_BYTE = codeBytes()

function byteCodes(): Uint16Array {
  const codes = new Uint16Array(256)
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    codes[byte] = isPrintable ? byte : next++
  }
  return codes
}

function codeBytes(): Uint16Array {
  const bytes = new Uint16Array(324).fill(256)
  for (let byte = 0; byte < 256; byte++) bytes[BYTE_TO_CODE[byte]!] = byte
  return bytes
}

const encoder = new TextEncoder()

/** Spells the UTF-8 bytes of `text` in the byte alphabet. */
export function toByteAlphabet(text: string): string {
  let spelled = ''
  for (const byte of encoder.encode(text)) spelled += String.fromCharCode(BYTE_TO_CODE[byte]!)
  return spelled
}

/** The bytes that `token` spells, or its own UTF-8 bytes when a character is outside the byte alphabet. */
export function fromByteAlphabet(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i++) {
    const code = token.charCodeAt(i)
    const byte = code < 324 ? CODE_TO_BYTE[code]! : 256
    if (byte > 255) return encoder.encode(token)
    bytes[i] = byte
  }
  return bytes
}

/** Spells the UTF-8 bytes of a text in the byte alphabet. */
export const byteLevelNormalizer: Normalizer = characterNormalizer(toByteAlphabet, toByteAlphabet)
