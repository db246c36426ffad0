/** Draws examples.png, twelve of each shape, and heart.png, one to try: `node models/shapes/examples.mjs`. */
import { writeFileSync } from 'node:fs'
import { drawShape, SHAPES, SIZE } from './draw.mjs'
import { grayPng } from './png.mjs'

const COLUMNS = 12
const width = COLUMNS * SIZE
const sheet = new Uint8Array(width * SHAPES.length * SIZE)
for (const [row, shape] of SHAPES.entries())
  for (let column = 0; column < COLUMNS; column++) {
    const picture = drawShape(shape, row * 100 + column)
    for (let y = 0; y < SIZE; y++) sheet.set(picture.subarray(y * SIZE, (y + 1) * SIZE), (row * SIZE + y) * width + column * SIZE)
  }
const here = name => new URL(name, import.meta.url)
writeFileSync(here('examples.png'), grayPng(sheet, width, SHAPES.length * SIZE))
writeFileSync(here('heart.png'), grayPng(drawShape('heart', 408), SIZE, SIZE))
