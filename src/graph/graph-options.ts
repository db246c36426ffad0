import type { Precision } from '../backends/index.ts'

/** Settings of a compiled graph. */
export interface GraphOptions {
  /** `exact` (the default) computes in f32; `fast` may use bf16 and 8-bit arithmetic. */
  readonly precision?: Precision | undefined
  /** A Loop that goes round more often than this is stopped with an error; 100,000 by default. */
  readonly maxLoopIterations?: number | undefined
  readonly seed?: number | undefined
}
