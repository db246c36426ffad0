import type { Buffer } from '../../program/index.ts'
import type { BlockWriter } from '../block-writer.ts'
import type { RelativeBiasConfig } from './seq2seq-config.ts'

/**
 * The bias of every distance `[heads, 2M + 1]`, as attention wants it, from a table of buckets that the file holds as
 * `[buckets, heads]`; M is the distance from which all share the last bucket.
 */
export function relativeBias<Role extends string>(
  writer: BlockWriter<Role | 'relativeBias'>,
  config: RelativeBiasConfig,
  heads: number,
  isBidirectional: boolean,
): Buffer {
  const b = writer.builder
  const table = b.weight({ ...writer.source('relativeBias'), transpose: true }, [heads, config.buckets])
  const buckets = Int32Array.from({ length: 2 * config.maxDistance + 1 }, (_, i) =>
    bucketOf(i - config.maxDistance, config, isBidirectional),
  )
  const indices = b.constant('relative_buckets', { dtype: 'i32', shape: [buckets.length] }, buckets)
  return b.op('take', 'relative_bias', [table, indices], { axis: 1 })
}

/**
 * The bucket of a distance, key position − query position. Half of the buckets are for one distance each, the others grow
 * logarithmically. Where both directions are seen, the upper half of all is for keys behind the query. Source: Raffel et al. 2020.
 */
export function bucketOf(distance: number, { buckets, maxDistance }: RelativeBiasConfig, isBidirectional: boolean): number {
  const count = isBidirectional ? buckets >> 1 : buckets
  const first = isBidirectional && distance > 0 ? count : 0
  const away = isBidirectional ? Math.abs(distance) : Math.max(0, -distance)
  const exact = count >> 1
  if (away < exact) return first + away
  // The reference computes in single precision and cuts the fraction off.
  const share = Math.fround(Math.fround(Math.log(Math.fround(away / exact))) / Math.log(maxDistance / exact))
  return first + Math.min(count - 1, exact + Math.trunc(Math.fround(share * (count - exact))))
}
