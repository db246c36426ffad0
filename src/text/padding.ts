import type { Encoding } from './encoding.ts'
import { asCount, asId, asRecord, asString, unknownKind } from './json-fields.ts'

/** How encodings are filled up to a common length. */
export interface Padding {
  /** Tokens to fill up to; without it as many as the longest of a batch has. */
  readonly length?: number
  /** The length is rounded up to a multiple of this. */
  readonly multipleOf?: number
  /** The end that is filled; default `right`. */
  readonly direction?: 'left' | 'right'
  readonly id: number
  /** Type of the padding; default 0. */
  readonly typeId?: number
}

/** Largest length a file may ask for. */
const MAX_LENGTH = 1 << 24

/** The `padding` of tokenizer.json; undefined when it has none. */
export function parsePadding(value: unknown): Padding | undefined {
  if (value === null || value === undefined) return undefined
  const fields = asRecord(value, 'padding')
  const strategy = fields['strategy'] ?? 'BatchLongest'
  const direction = asString(fields['direction'] ?? 'Right', 'padding.direction')
  if (direction !== 'Left' && direction !== 'Right') throw unknownKind('padding direction', direction, ['Left', 'Right'])
  const multipleOf = fields['pad_to_multiple_of'] ?? undefined
  let length: number | undefined
  if (typeof strategy === 'string') {
    if (strategy !== 'BatchLongest') throw unknownKind('padding strategy', strategy, ['BatchLongest', 'Fixed'])
  } else length = asCount(asRecord(strategy, 'padding.strategy')['Fixed'], 'padding.strategy.Fixed', MAX_LENGTH)
  return {
    id: asId(fields['pad_id'] ?? 0, 'padding.pad_id'),
    typeId: asCount(fields['pad_type_id'] ?? 0, 'padding.pad_type_id', MAX_LENGTH),
    direction: direction === 'Left' ? 'left' : 'right',
    ...(length === undefined ? {} : { length }),
    ...(multipleOf === undefined ? {} : { multipleOf: asCount(multipleOf, 'padding.pad_to_multiple_of', MAX_LENGTH) }),
  }
}

/** Fills the encodings of a batch up to one length; longer ones stay as they are. */
export function padEncodings(encodings: readonly Encoding[], padding: Padding): Encoding[] {
  const { multipleOf = 0 } = padding
  let length = padding.length ?? encodings.reduce((longest, each) => Math.max(longest, each.ids.length), 0)
  if (multipleOf > 0 && length % multipleOf > 0) length += multipleOf - (length % multipleOf)
  return encodings.map(each => padTo(each, length, padding))
}

function padTo(encoding: Encoding, length: number, padding: Padding): Encoding {
  const missing = length - encoding.ids.length
  const fill = <Value>(values: readonly Value[], value: Value): readonly Value[] => {
    if (missing <= 0) return values
    const filling = Array.from({ length: missing }, () => value)
    return padding.direction === 'left' ? [...filling, ...values] : [...values, ...filling]
  }
  return {
    ids: fill(encoding.ids, padding.id),
    typeIds: fill(encoding.typeIds, padding.typeId ?? 0),
    offsets: fill(encoding.offsets, [0, 0] as const),
    texts: fill(encoding.texts, undefined),
    words: fill(encoding.words, undefined),
    attentionMask: fill(encoding.attentionMask, 0),
    specialMask: fill(encoding.specialMask, 1),
    overflowing: encoding.overflowing.map(each => padTo(each, length, padding)),
  }
}
