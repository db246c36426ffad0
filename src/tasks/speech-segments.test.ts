import { expect, test } from 'vitest'
import { speechSegments } from './speech-segments.ts'

const RULES = { threshold: 0.5, minSpeechMs: 250, minSilenceMs: 100, paddingMs: 30 }

/** Pieces of 32 ms at 16 kHz: a letter for each, `#` speech, `-` in between, `.` silence. */
function segmentsOf(pattern: string, rules = RULES): string[] {
  const probabilities = Float32Array.from(pattern, letter => ({ '#': 0.9, '-': 0.4, '.': 0.1 })[letter]!)
  const found = speechSegments(probabilities, { length: pattern.length * 512, piece: 512, sampleRate: 16_000 }, rules)
  return found.map(({ start, end }) => `${Math.round(start * 1_000)}-${Math.round(end * 1_000)}`)
}

test('speech, padded on both sides', () => {
  expect(segmentsOf('....##########......')).toEqual(['98-478'])
})

test('short pauses and doubtful pieces do not end it; short speech is left out', () => {
  expect(segmentsOf('##########..##########')).toEqual(['0-704'])
  expect(segmentsOf('##########------######')).toEqual(['0-704'])
  expect(segmentsOf('....####......')).toEqual([])
})

test('neighbours share a gap that is too short for both paddings', () => {
  expect(segmentsOf('##########.....##########', { ...RULES, paddingMs: 100 })).toEqual(['0-400', '400-800'])
})
