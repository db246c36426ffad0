/** A table of likelihoods of one variable's states. */
export interface Likelihood {
  readonly variable: number
  readonly values: Float64Array
}

/** How the variables of a clique leave it. */
export type Reduction = 'sum' | 'max'

/** The table of one clique and its share in passing messages. Tables are over [separator, residual]. */
export interface CliqueTable {
  /** Bytes it holds on to once it was collected. */
  readonly bytes: number
  /**
   * Multiplies potentials, likelihoods and the children's messages, and reduces to the message to the parent.
   *
   * @param up - the message, over the separator; overwritten, not normalised
   */
  collect(likelihoods: readonly Likelihood[], messages: readonly Float64Array[], up: Float64Array, reduction: Reduction): void
  /** Sums over the residual of all children but one, times `down`: into each child's separator. `down` is absent at a root. */
  project(down: Float64Array | undefined, into: readonly Float64Array[]): void
  /** Sums over the separator, times `down`: a table over the residual. */
  residual(down: Float64Array | undefined): Float64Array
  /** Calls back for every cell of one state of the separator that is not zero. */
  forEachCell(separatorIndex: number, visit: (residualIndex: number, value: number) => void): void
}
