import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ListIndex } from './text-index.ts'

test('ListIndex finds what a Map finds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.string({ maxLength: 3 }), { nil: undefined }), { maxLength: 60 }),
      fc.string({ maxLength: 3 }),
      (texts, other) => {
        const map = new Map<string, number>()
        for (const [position, text] of texts.entries())
          if (text !== undefined && position % 5 !== 4 && !map.has(text)) map.set(text, position)
        const index = new ListIndex(texts, position => position % 5 !== 4)
        for (const text of [...texts, other]) {
          if (text === undefined) continue
          expect(index.get(text)).toBe(map.get(text))
          expect(index.has(text)).toBe(map.has(text))
        }
        expect([...index.keys()].sort()).toEqual([...map.keys()].sort())
      },
    ),
  )
})
