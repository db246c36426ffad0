/** Largest version of the format taken for one when guessing; the newest is 14. */
const MAX_IR_VERSION = 100

/** Fields of a ModelProto that are messages or strings, and those of a GraphProto that hold something. */
const MODEL_FIELDS: ReadonlySet<number> = new Set([2, 3, 4, 6, 7, 8, 14, 20, 25, 26])
const GRAPH_FIELDS: ReadonlySet<number> = new Set([1, 2, 5, 10, 11, 12, 13, 14, 15, 16])
const MODEL_VERSION_FIELD = 5
const GRAPH_FIELD = 7

const VARINT = 0
const LENGTH_DELIMITED = 2

/**
 * True when the bytes could begin an ONNX file: the version of the format, then fields of a model, as far as `head`
 * reaches. There is no magic number, and the file may be cut short.
 */
export function looksLikeOnnx(head: Uint8Array): boolean {
  if (head[0] !== 0x08 || head[1] === undefined || head[1] < 1 || head[1] > MAX_IR_VERSION) return false
  let at = 2
  while (at < head.length) {
    const tag = varint(head, at)
    if (tag === 'too long') return false
    if (tag === 'cut') break
    const field = tag.value >>> 3
    const wireType = tag.value & 7
    if (wireType === VARINT ? field !== MODEL_VERSION_FIELD : wireType !== LENGTH_DELIMITED || !MODEL_FIELDS.has(field)) return false
    const value = varint(head, tag.end)
    if (value === 'too long') return false
    if (value === 'cut') break
    if (field === GRAPH_FIELD) return beginsGraph(head[value.end])
    at = value.end + (wireType === VARINT ? 0 : value.value)
  }
  // The version alone says nothing.
  return at > 2
}

function beginsGraph(tag: number | undefined): boolean {
  return tag === undefined || ((tag & 7) === LENGTH_DELIMITED && GRAPH_FIELDS.has((tag >>> 3) & 15))
}

/** A variable-length integer of at most five bytes. */
function varint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } | 'cut' | 'too long' {
  let value = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[start + i]
    if (byte === undefined) return 'cut'
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return { value, end: start + i + 1 }
  }
  return 'too long'
}
