import type { ElementType } from '../../core/index.ts'

/** How a value lies in memory: as ONNX has it, or with its second axis (channels) moved to the end. */
export type ValueLayout = 'plain' | 'channels-last'

/** A value as the graph sees it. */
export interface ValueType {
  readonly dtype: ElementType
  readonly shape: readonly number[]
}
