import { describe, expect, it } from 'vitest'
import { speechPieces } from './speech-pieces.ts'

const SCALE = { first: 1_000, step: 0.02, seconds: 30 }
const at = (seconds: number): number => 1_000 + Math.round(seconds / 0.02)

describe('speechPieces', () => {
  it('cuts where two times meet and goes on behind the last whole piece', () => {
    const { pieces, doneSeconds } = speechPieces([at(0), 1, 2, at(2.5), at(3), 3, at(7), at(7), 4, 5], SCALE)
    expect(pieces).toEqual([
      { start: 0, end: 2.5, tokens: [1, 2] },
      { start: 3, end: 7, tokens: [3] },
    ])
    expect(doneSeconds).toBe(7)
  })

  it('is done with a stretch that ends with one time', () => {
    const { pieces, doneSeconds } = speechPieces([at(0), 1, at(4), at(5), 2, at(9)], SCALE)
    expect(pieces).toEqual([
      { start: 0, end: 4, tokens: [1] },
      { start: 5, end: 9, tokens: [2] },
    ])
    expect(doneSeconds).toBe(30)
  })

  it('takes one piece, with or without its end, for the stretch', () => {
    expect(speechPieces([at(1), 7, at(6)], SCALE)).toEqual({ pieces: [{ start: 1, end: 6, tokens: [7] }], doneSeconds: 30 })
    expect(speechPieces([at(1), 7, 8], SCALE)).toEqual({ pieces: [{ start: 1, end: 30, tokens: [7, 8] }], doneSeconds: 30 })
    expect(speechPieces([7, 8], SCALE)).toEqual({ pieces: [{ start: 0, end: 30, tokens: [7, 8] }], doneSeconds: 30 })
  })

  it('says nothing of silence and keeps times within the sound', () => {
    expect(speechPieces([], SCALE)).toEqual({ pieces: [], doneSeconds: 30 })
    expect(speechPieces([at(0), at(0)], SCALE)).toEqual({ pieces: [], doneSeconds: 0 })
    expect(speechPieces([at(0), 1, at(29), at(29), 2], { ...SCALE, seconds: 4 })).toEqual({
      pieces: [{ start: 0, end: 4, tokens: [1] }],
      doneSeconds: 4,
    })
  })
})
