import { HenceError } from '../core/index.ts'
import { type Checkpoint, isWeightType, type StoredTensor } from '../formats/index.ts'
import { type Buffer, buffersOf, type Program, sourceShape, sourceTensors } from '../program/index.ts'
import type { TensorNames } from './tensor-names.ts'

const SHOWN = 8
/** What some checkpoints store beside the weights: masks and frequencies that follow from the configuration. */
const DERIVED = /\.(rotary_emb\.inv_freq|(attn|attention)\.(bias|masked_bias)|attn_rot_embd\.weight)$/

/**
 * Checks that the checkpoint has every tensor a program calls for, in the right shape.
 *
 * @throws HenceError `TENSOR_MISSING` with all missing names, `TENSOR_MISMATCH` with all wrong shapes
 */
export function checkTensors(program: Program, checkpoint: Pick<Checkpoint, 'tensors'>): void {
  const wanted = new Map<string, Buffer[]>()
  for (const buffer of buffersOf(program, 'weight')) {
    for (const name of sourceTensors(buffer.source!)) wanted.set(name, [...(wanted.get(name) ?? []), buffer])
  }
  const missing = [...wanted.keys()].filter(name => !checkpoint.tensors.has(name))
  if (missing.length > 0)
    throw new HenceError('TENSOR_MISSING', `the checkpoint lacks ${missing.length} of ${wanted.size} tensors: ${list(missing)}`, {
      missing,
      wanted: wanted.size,
    })
  const mismatches = [...wanted].flatMap(([name, buffers]) => mismatch(checkpoint.tensors.get(name)!, buffers) ?? [])
  if (mismatches.length > 0)
    throw new HenceError(
      'TENSOR_MISMATCH',
      `${mismatches.length} of ${wanted.size} tensors do not have the shape the configuration calls for: ${list(mismatches.map(m => m.text))}`,
      { mismatches: mismatches.map(({ tensor, stored, wanted: shape }) => ({ tensor, stored, wanted: shape })) },
    )
}

/**
 * Checks that a program uses all tensors of the checkpoint's layers: layers or biases the configuration does not know of
 * would silently be left out. Tensors outside of layers (other heads, a part that sees) are left alone.
 *
 * @throws HenceError `TENSOR_MISMATCH` with all names
 */
export function checkUnused(
  program: Program,
  { tensors }: Pick<Checkpoint, 'tensors'>,
  { prefixes, places }: TensorNames<string>,
  layerCount: number,
): void {
  const used = new Set(buffersOf(program, 'weight').flatMap(({ source }) => sourceTensors(source!)))
  const bases = Object.values(places).flatMap(place => (place?.base.includes('{layer}') ? [place.base.split('{layer}')[0]!] : []))
  const starts = [...new Set(bases.flatMap(base => prefixes.map(prefix => base.replace('{prefix}', prefix))))]
  const isOfLayer = (name: string): boolean =>
    starts.some(start => name.startsWith(start) && /^\d+\./.test(name.slice(start.length))) && !DERIVED.test(name)
  const unused = [...tensors.keys()].filter(name => !used.has(name) && isOfLayer(name))
  if (unused.length === 0) return
  throw new HenceError(
    'TENSOR_MISMATCH',
    `the configuration, of ${layerCount} layers, has no place for ${unused.length} tensors of the checkpoint: ${list(unused)}`,
    { unused, layers: layerCount },
  )
}

function mismatch(
  tensor: StoredTensor,
  buffers: readonly Buffer[],
): { text: string; tensor: string; stored: readonly number[]; wanted: number[] } | undefined {
  const { shape, source } = buffers[0]!
  // Several buffers of one tensor are its parts: together they are as tall as the last one ends.
  const wanted = sourceShape(source!, shape, Math.max(...buffers.map(buffer => buffer.source!.rows?.[1] ?? 0)))
  const isSame = wanted.length === tensor.shape.length && wanted.every((size, axis) => size === tensor.shape[axis])
  if (isSame && isWeightType(tensor.type)) return undefined
  const text = `${tensor.name} is ${tensor.type} [${tensor.shape.join(', ')}], wanted [${wanted.join(', ')}]`
  return { text, tensor: tensor.name, stored: tensor.shape, wanted }
}

function list(names: readonly string[]): string {
  return names.slice(0, SHOWN).join('; ') + (names.length > SHOWN ? `; and ${names.length - SHOWN} more` : '')
}
