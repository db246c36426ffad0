import { checkShape, type Operator, tensorInput } from '../../operator.ts'
import { checkedCount, elementTypeAttribute, integerInput, numbersOf, tensorFromNumbers, workNumbers } from '../support/index.ts'

/** Triangular filters evenly spaced on the mel scale, mel(f) = 2595·log₁₀(1 + f/700). */
const melWeightMatrix: Operator = {
  domain: '',
  name: 'MelWeightMatrix',
  run(call) {
    const mels = integerInput(call, 0, 'num_mel_bins')
    const length = integerInput(call, 1, 'dft_length')
    const rate = integerInput(call, 2, 'sample_rate')
    const [lower, upper] = [numbersOf(call, tensorInput(call, 3))[0], numbersOf(call, tensorInput(call, 4))[0]]
    const usable = lower !== undefined && upper !== undefined && lower >= 0 && upper >= lower && rate > 0 && length > 0
    checkShape(usable, call, `edges ${lower} and ${upper} Hz at ${rate} Hz with ${length} points`, { lower, upper, rate, length })
    const bins = Math.floor(length / 2) + 1
    const shape = [bins, mels]
    const y = workNumbers(call, checkedCount(call, shape))
    const melOf = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700)
    const step = (melOf(upper) - melOf(lower)) / (mels + 2)
    const edge = (index: number): number => Math.floor(((length + 1) * 700 * (10 ** ((melOf(lower) + index * step) / 2595) - 1)) / rate)
    checkShape(edge(mels + 1) < bins + 1, call, `upper edge ${upper} Hz is above half of ${rate} Hz`, { upper, rate })
    for (let mel = 0; mel < mels; mel++) {
      const [left, center, right] = [edge(mel), edge(mel + 1), edge(mel + 2)]
      checkShape(center < bins, call, `filter ${mel} is centred on bin ${center} of ${bins}`)
      if (left === center) y[center * mels + mel] = 1
      else for (let bin = left; bin <= center; bin++) y[bin * mels + mel] = (bin - left) / (center - left)
      for (let bin = center; bin < Math.min(right, bins); bin++) y[bin * mels + mel] = (right - bin) / (right - center)
    }
    return [tensorFromNumbers(call, elementTypeAttribute(call, 'output_datatype', 'f32'), shape, y)]
  },
}

export const melOperators: readonly Operator[] = [melWeightMatrix]
