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
   * slowest, the variable's own state fastest.
   */
  readonly table: ArrayLike<number>
}
