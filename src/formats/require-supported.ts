import { HenceError } from '../core/index.ts'
import type { Checkpoint } from './checkpoint.ts'
import { WEIGHT_TYPES } from './storage-types.ts'

/**
 * Refuses a checkpoint that holds tensors of types Hence cannot read, listing every such type with its count.
 *
 * @throws HenceError `FORMAT_UNSUPPORTED`
 */
export function requireSupported(checkpoint: Checkpoint): void {
  const unsupported = checkpoint.unsupported
  if (unsupported === undefined || unsupported.size === 0) return
  const counts = [...unsupported].map(([type, names]) => `${type} (${names.length} ${names.length === 1 ? 'tensor' : 'tensors'})`)
  throw new HenceError(
    'FORMAT_UNSUPPORTED',
    `${checkpoint.files[0]?.path}: cannot read tensors stored as ${counts.join(', ')}; Hence reads ${WEIGHT_TYPES.join(', ')}`,
    {
      path: checkpoint.files[0]?.path,
      unsupported: Object.fromEntries([...unsupported].map(([type, names]) => [type, names.length])),
      examples: Object.fromEntries([...unsupported].map(([type, names]) => [type, names[0]])),
      supported: WEIGHT_TYPES,
    },
  )
}
