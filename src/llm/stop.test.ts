import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StopTexts, StopWatch, stopTexts } from './stop.ts'

const watchFor = (...stops: string[]): StopWatch => new StopWatch(new StopTexts(stops))

test('text that may begin a stop text is held back', () => {
  const watch = watchFor('END')
  expect(watch.push('one E')).toEqual({ text: 'one ', stop: undefined })
  expect(watch.push('N')).toEqual({ text: '', stop: undefined })
  expect(watch.push('C E')).toEqual({ text: 'ENC ', stop: undefined })
  expect(watch.push('ND more')).toEqual({ text: '', stop: 'END' })
})

test('what was held back comes out when the stream ends', () => {
  const watch = watchFor('\n\n')
  expect(watch.push('a\n').text).toBe('a')
  expect(watch.flush()).toBe('\n')
  expect(watch.flush()).toBe('')
})

test('the stop text that is complete first counts, of those the longest', () => {
  expect(watchFor('bcd', 'c').push('abcd')).toEqual({ text: 'ab', stop: 'c' })
  expect(watchFor('c', 'bc').push('abcd')).toEqual({ text: 'a', stop: 'bc' })
  expect(watchFor('abcx', 'bc').push('zabcd')).toEqual({ text: 'za', stop: 'bc' })
})

/** The first place where a stop text is complete, found by looking at every place for every text. */
function firstStop(whole: string, stops: readonly string[]): { text: string; stop: string } | undefined {
  for (let end = 1; end <= whole.length; end++) {
    const [stop] = stops.filter(one => whole.slice(0, end).endsWith(one)).sort((a, b) => b.length - a.length)
    if (stop !== undefined) return { text: whole.slice(0, end - stop.length), stop }
  }
  return undefined
}

test('any split of a text gives the text before the first stop, and holds no more back than it must', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 })
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 5 }), { maxLength: 6 })
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 8 }), stops, (parts, texts) => {
      const watch = watchFor(...texts)
      const whole = parts.join('')
      let text = ''
      let stop: string | undefined
      let read = ''
      for (const part of parts) {
        const next = watch.push(part)
        text += next.text
        read += part
        stop = next.stop
        if (stop !== undefined) break
        const held = read.slice(text.length)
        expect(held === '' || texts.some(one => one.startsWith(held))).toBe(true)
        const rest = read.slice(text.length - 1)
        if (text !== '') expect(texts.some(one => one !== rest && one.startsWith(rest))).toBe(false)
      }
      const expected = firstStop(whole, texts)
      expect(stop).toBe(expected?.stop)
      expect(stop === undefined ? text + watch.flush() : text).toBe(expected ? expected.text : whole)
    }),
    { numRuns: 500 },
  )
})

describe('thousands of stop texts', () => {
  // A text whose every character keeps all of them half matched.
  const many = Array.from({ length: 4_000 }, (_, i) => `${'.'.repeat(50)}${i.toString(36)}!`)

  test('work like few', () => {
    const watch = watchFor(...many)
    expect(watch.push('.'.repeat(200)).text).toBe('.'.repeat(150))
    expect(watch.push('z9').text).toBe('')
    expect(watch.push('?').text).toBe(`${'.'.repeat(50)}z9?`)
    expect(watch.push(`b${'.'.repeat(60)}z9!`)).toEqual({ text: `b${'.'.repeat(10)}`, stop: `${'.'.repeat(50)}z9!` })
  })

  test('are made ready once for the answers to one request', () => {
    expect(stopTexts([...many])).toBe(stopTexts([...many]))
    expect(stopTexts(['a'])).not.toBe(stopTexts(['b']))
  })
})
