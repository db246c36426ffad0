import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StopWatch } from './stop.ts'

test('text that may begin a stop text is held back', () => {
  const watch = new StopWatch(['END'])
  expect(watch.push('one E')).toEqual({ text: 'one ', isStopped: false })
  expect(watch.push('N')).toEqual({ text: '', isStopped: false })
  expect(watch.push('C E')).toEqual({ text: 'ENC ', isStopped: false })
  expect(watch.push('ND more')).toEqual({ text: '', isStopped: true })
})

test('what was held back comes out when the stream ends', () => {
  const watch = new StopWatch(['\n\n'])
  expect(watch.push('a\n').text).toBe('a')
  expect(watch.flush()).toBe('\n')
  expect(watch.flush()).toBe('')
})

test('any split of a text gives the text before the first stop', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 }), { maxLength: 3 })
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 8 }), stops, (parts, texts) => {
      const watch = new StopWatch(texts)
      let text = ''
      let isStopped = false
      for (const part of parts) {
        const next = watch.push(part)
        text += next.text
        isStopped = next.isStopped
        if (isStopped) break
      }
      if (!isStopped) text += watch.flush()
      const whole = parts.join('')
      expect(isStopped).toBe(texts.some(stop => whole.includes(stop)))
      expect(whole.startsWith(text)).toBe(true)
      if (!isStopped) expect(text).toBe(whole)
      for (const stop of texts) expect(text.includes(stop)).toBe(false)
    }),
  )
})
