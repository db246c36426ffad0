import fc from 'fast-check'
import { expect, test } from 'vitest'
import { serverSentEvents } from './server-sent-events.ts'

async function* inPieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set(cuts.map(cut => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  let from = 0
  for (const to of [...places, bytes.length]) {
    yield bytes.subarray(from, to)
    from = to
  }
}

async function read(text: string, cuts: readonly number[] = []): Promise<string[]> {
  const found: string[] = []
  for await (const data of serverSentEvents(inPieces(new TextEncoder().encode(text), cuts))) found.push(data)
  return found
}

test('events are the same wherever the stream is cut', async () => {
  const line = fc.string({ unit: 'grapheme' }).map(text => text.replaceAll(/[\r\n]/g, ''))
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(4_000)), fc.constantFrom('\n', '\r\n'), async (lines, cuts, end) => {
      const text = lines.map(content => `: hello${end}data: ${content}${end}${end}`).join('')
      expect(await read(text, cuts)).toEqual(lines)
    }),
  )
})

test('other fields, comments and an event without its end are left out', async () => {
  expect(await read(': ping\n\nevent: x\nid: 1\ndata:a\ndata: b\n\nretry: 5\n\ndata: [DONE]\n\ndata: lost')).toEqual(['a\nb', '[DONE]'])
})

test('an event without end is refused', async () => {
  await expect(read('x'.repeat(20_000_000))).rejects.toThrow('an event is longer than')
  await expect(read('data: xxxxxxxxxxxxxxxxxxxx\n'.repeat(800_000))).rejects.toThrow('an event is longer than')
})
