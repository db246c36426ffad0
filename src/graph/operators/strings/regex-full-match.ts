import type { Operator } from '../../operator.ts'
import { outputTensor } from '../support/index.ts'
import { preparedOnce } from '../support/prepared.ts'
import { compileRegex } from './regex/automaton.ts'
import { parseRegex } from './regex/parse.ts'
import { stringInput } from './string-normalizer.ts'

const matcherOf = preparedOnce(({ attributes }) => {
  const pattern = attributes.string('pattern', '')
  return compileRegex(pattern, parseRegex(pattern))
})

/** Whether whole strings match a pattern in the syntax of RE2, in time linear in their length. */
const regexFullMatch: Operator = {
  domain: '',
  name: 'RegexFullMatch',
  run: call => {
    const matches = matcherOf(call)
    const input = stringInput(call, 0)
    const output = outputTensor(call, 'bool', input.shape)
    for (const [index, text] of input.data.entries()) output.data[index] = matches(text) ? 1 : 0
    return [output]
  },
}

/** Patterns over text. */
export const regexOperators: readonly Operator[] = [regexFullMatch]
