import { type Flag, listFlag, textFlag } from './flags.ts'

type CausalFlags = {
  readonly hidden: Flag<readonly string[]>
  readonly data: Flag<string | undefined>
  readonly svg: Flag<string | undefined>
}

/** Flags of `run` for causal questions; `--svg` also draws the answers of networks. */
export const CAUSAL_FLAGS: CausalFlags = {
  hidden: listFlag('NAME', 'a variable that is taken as unobserved'),
  data: textFlag('FILE.csv', 'observed cases, a column for each variable, to compute an effect from'),
  svg: textFlag('FILE.svg', 'draws the answer: the causal graph, or the posteriors of a network'),
}
