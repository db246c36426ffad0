/** Writes pictures for training to standard output, a byte of the class before each: `node models/shapes/dataset.mjs COUNT FIRST_SEED`. */
import { writeSync } from 'node:fs'
import { drawShape, SHAPES, SIZE } from './draw.mjs'

const [count, first] = process.argv.slice(2).map(Number)
const bytes = new Uint8Array(count * (SIZE * SIZE + 1))
for (let i = 0; i < count; i++) {
  const at = i * (SIZE * SIZE + 1)
  bytes[at] = i % SHAPES.length
  bytes.set(drawShape(SHAPES[i % SHAPES.length], first + i), at + 1)
}
for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at)
