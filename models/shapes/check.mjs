/** Holds the classifier to pictures it has not seen: `node models/shapes/check.mjs [COUNT]`. Needs dist/. */
import { fileURLToPath } from 'node:url'
import { load, tensor } from '../../dist/index.js'
import { drawShape, SHAPES, SIZE } from './draw.mjs'

const count = Number(process.argv[2] ?? 2_000)
const model = await load(fileURLToPath(new URL('shapes.onnx', import.meta.url)), { kind: 'tensor' })
const images = new Float32Array(count * SIZE * SIZE)
for (let i = 0; i < count; i++) images.set(drawShape(SHAPES[i % SHAPES.length], i).map(Number), i * SIZE * SIZE)
const { shares } = await model.run({
  image: tensor(
    'f32',
    [count, 1, SIZE, SIZE],
    images.map(byte => byte / 255),
  ),
})
let right = 0
for (let i = 0; i < count; i++) {
  const row = shares.data.subarray(i * SHAPES.length, (i + 1) * SHAPES.length)
  right += Number(row.indexOf(Math.max(...row)) === i % SHAPES.length)
}
await model[Symbol.asyncDispose]()
console.log(`held-out pictures named right: ${right} of ${count}, ${((100 * right) / count).toFixed(1)} % (at least 97 %)`)
process.exitCode = right / count >= 0.97 ? 0 : 1
