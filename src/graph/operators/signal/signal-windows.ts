import type { Operator } from '../../operator.ts'
import { checkedCount, elementTypeAttribute, integerInput, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** A window of cosines: Σ (-1)ⁱ·terms[i]·cos(2πi·n/N). */
function cosineWindow(name: string, terms: readonly number[]): Operator {
  return {
    domain: '',
    name,
    run(call) {
      const size = integerInput(call, 0, 'size')
      const span = call.attributes.int('periodic', 1) !== 0 ? size : size - 1
      const y = workNumbers(call, checkedCount(call, [size]))
      for (let n = 0; n < size; n++) {
        let sum = 0
        for (const [i, term] of terms.entries()) sum += (i % 2 === 0 ? term : -term) * Math.cos((2 * Math.PI * i * n) / span)
        // A symmetric window of one point is its centre.
        y[n] = span === 0 ? 1 : sum
      }
      return [tensorFromNumbers(call, elementTypeAttribute(call, 'output_datatype', 'f32'), [size], y)]
    },
  }
}

export const signalWindowOperators: readonly Operator[] = [
  cosineWindow('HannWindow', [0.5, 0.5]),
  cosineWindow('HammingWindow', [25 / 46, 21 / 46]),
  cosineWindow('BlackmanWindow', [0.42, 0.5, 0.08]),
]
