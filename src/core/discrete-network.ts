/** A network of discrete variables as plain data: what readers of files return and what writers take. Nothing in it is checked. */
export interface DiscreteNetworkDescription {
  readonly name: string
  readonly variables: readonly DiscreteVariableDescription[]
}

/** One variable of a {@link DiscreteNetworkDescription}. */
export interface DiscreteVariableDescription {
  readonly name: string
  readonly states: readonly string[]
  /** Names of the parents; none by default. */
  readonly parents?: readonly string[] | undefined
  /**
   * Probabilities of the states, a row for every combination of the parents' states: the state of the first parent changes
   * slowest, the variable's own state fastest. Given unless `noisyMax` is.
   */
  readonly table?: ArrayLike<number> | undefined
  readonly noisyMax?: NoisyMaxDescription | undefined
}

/**
 * Causes that work independently of each other, and the strongest effect wins: noisy-OR where there are two states. States are
 * ordered from the strongest effect to none.
 */
export interface NoisyMaxDescription {
  /** For every parent, a row for each of its states: the effect of that state alone. */
  readonly tables: readonly ArrayLike<number>[]
  /** The effect of causes that are not among the parents; none by default. */
  readonly leak?: ArrayLike<number> | undefined
}
