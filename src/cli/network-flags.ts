import { choiceFlag, type Flag, integerFlag, numberFlag, switchFlag, textFlag } from './flags.ts'

const METHODS = ['auto', 've', 'jtree', 'lw', 'gibbs', 'lbp', 'meanfield'] as const

type NetworkFlags = {
  readonly method: Flag<(typeof METHODS)[number] | undefined>
  readonly evidence: Flag<string | undefined>
  readonly joint: Flag<boolean>
  readonly best: Flag<number | undefined>
  readonly explain: Flag<boolean>
  readonly samples: Flag<number | undefined>
  readonly 'max-cells': Flag<number | undefined>
  readonly timeout: Flag<number | undefined>
}

/** Flags of `run` for Bayesian networks. */
export const NETWORK_FLAGS: NetworkFlags = {
  method: choiceFlag(METHODS, 'how a network is asked: eliminating, junction tree, sampling, passing messages', 'auto'),
  evidence: textFlag('FILE', 'findings in a UAI evidence file, besides those after the bar'),
  joint: switchFlag('the joint posterior of the variables instead of one for each'),
  best: integerFlag('N', 'the N likeliest states of the variables together; of all when none is named', { min: 1, max: 1_000_000 }),
  explain: switchFlag('what each finding did to the variable that is asked for'),
  samples: integerFlag('N', 'samples of lw and gibbs, and of the check of lbp and meanfield', { min: 1, max: 2 ** 40 }, '20,000'),
  'max-cells': numberFlag('N', 'most table cells of an exact answer', { min: 1, max: Number.MAX_SAFE_INTEGER }, '30 million'),
  timeout: numberFlag('SECONDS', 'gives up when the answer takes longer', { min: 0, max: 1e9 }),
}
