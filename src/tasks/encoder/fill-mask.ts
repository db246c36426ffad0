import { HenceError, type TensorModel } from '../../core/index.ts'
import { checkOptions, integer, type OptionRule } from '../check-options.ts'
import { softmax } from './rows.ts'
import { type EncodedText, TextEncoder } from './text-encoder.ts'
import { TEXT_RULES, type TextOptions } from './text-input.ts'

/** Options of {@link fillMask}. */
export interface FillMaskOptions extends TextOptions {
  /** How many of the likeliest tokens are given for each mask; 5 by default. */
  readonly top?: number | undefined
}

/** A token that may stand in place of a mask. */
export interface MaskCandidate {
  /** Its probability. */
  readonly score: number
  readonly token: number
  /** Its text alone. */
  readonly tokenText: string
  /** The whole text with the token in place of the mask; other masks stay. */
  readonly sequence: string
  /** Number of the mask, from 0. */
  readonly mask: number
}

const RULES: Readonly<Record<string, OptionRule>> = { ...TEXT_RULES, top: integer(1, 2 ** 24) }

/**
 * Says what may stand in place of the mask of a text, the likeliest first. A text with several masks gives the candidates of
 * each, one mask after the other.
 *
 * @param texts - with the mask token of the model, `[MASK]` or `<mask>`: see {@link maskTokenOf}
 * @returns a list for one text, a list of lists for several
 * @throws HenceError `OPTION_INVALID` (no mask in a text, a model without such a head), `TOKENIZER_MISSING`, `CONTEXT_OVERFLOW`
 * @example
 * ```ts
 * import { fillMask, load } from 'hence'
 * const model = await load('bert-base-uncased', { kind: 'tensor' })
 * for (const { tokenText, score } of await fillMask(model, 'Paris is the [MASK] of France.')) console.log(tokenText, score)
 * ```
 */
export async function fillMask(model: TensorModel, texts: string, options?: FillMaskOptions): Promise<MaskCandidate[]>
export async function fillMask(model: TensorModel, texts: readonly string[], options?: FillMaskOptions): Promise<MaskCandidate[][]>
export async function fillMask(
  model: TensorModel,
  texts: string | readonly string[],
  options: FillMaskOptions = {},
): Promise<MaskCandidate[] | MaskCandidate[][]> {
  checkOptions('fillMask', options, RULES)
  const { top = 5, ...rest } = options
  const encoder = await TextEncoder.of('fillMask', model)
  if (encoder.head?.kind !== 'masked-lm')
    throw new HenceError('OPTION_INVALID', 'fillMask: the model has no head that fills masks', { head: encoder.head?.kind ?? null })
  const mask = await maskToken(encoder)
  const isMask = (id: number): boolean => id === mask.id
  const masksOf = (ids: readonly number[]): number[] => ids.flatMap((id, at) => (isMask(id) ? [at] : []))
  const list = typeof texts === 'string' ? [texts] : texts
  const results = new Array<MaskCandidate[]>(list.length)
  await encoder.each(list, rest, { rows: ({ ids }) => masksOf(ids) }, (text, index) => {
    const masks = masksOf(text.encoding.ids)
    if (masks.length === 0)
      throw new HenceError('OPTION_INVALID', `fillMask: text ${index} has no mask token ${mask.text}`, { index, mask: mask.text })
    results[index] = masks.flatMap((at, number) => candidates(encoder, text, at, number, top))
  })
  return typeof texts === 'string' ? results[0]! : results
}

/** The mask token of a model as texts must spell it. @throws HenceError `OPTION_INVALID` when it has none, `TOKENIZER_MISSING` */
export async function maskTokenOf(model: TensorModel): Promise<string> {
  return (await maskToken(await TextEncoder.of('maskTokenOf', model))).text
}

async function maskToken({ task, files, tokenizer }: TextEncoder): Promise<{ text: string; id: number }> {
  const text = await files.specialToken('mask_token')
  if (text === undefined)
    throw new HenceError('OPTION_INVALID', `${task}: the tokenizer of the model has no mask token`, {
      hint: 'tokenizer_config.json or special_tokens_map.json beside the model must name a mask_token.',
    })
  const id = tokenizer.encode(text, { addSpecial: false }).find(one => tokenizer.tokenText(one) === text)
  if (id === undefined)
    throw new HenceError('TOKENIZER_INVALID', `${task}: the mask token ${text} is no token of the tokenizer`, { mask: text })
  return { text, id }
}

function candidates(
  { tokenizer, headSize }: TextEncoder,
  { encoding, head }: EncodedText,
  at: number,
  mask: number,
  top: number,
): MaskCandidate[] {
  const logits = head.subarray(mask * headSize, (mask + 1) * headSize)
  const shares = softmax(logits)
  return likeliest(logits, top).map(token => {
    const ids = encoding.ids.map((id, i) => (i === at ? token : id))
    // Masks that stay are special tokens too, so only what was put around the text is left out.
    const kept = ids.filter((_, i) => encoding.specialMask[i] === 0 || i === at)
    return {
      score: shares[token]!,
      token,
      tokenText: tokenizer.decode([token], { skipSpecial: false }),
      sequence: tokenizer.decode(kept, { skipSpecial: false }),
      mask,
    }
  })
}

/** Indices of the largest numbers, the largest first; of equal ones the first. */
function likeliest(values: Float32Array, count: number): number[] {
  const best: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (best.length === count && !(values[i]! > values[best.at(-1)!]!)) continue
    let at = best.length
    while (at > 0 && values[i]! > values[best[at - 1]!]!) at--
    best.splice(at, 0, i)
    if (best.length > count) best.pop()
  }
  return best
}
