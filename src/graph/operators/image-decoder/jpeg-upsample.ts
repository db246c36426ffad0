/** Samples of one component. */
export interface Plane {
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly samples: Uint8Array
}

/**
 * A plane stretched by whole factors. Factors of two interpolate between the centres of samples, a quarter and three
 * quarters of the way, rounding up and down in turns; others repeat samples.
 */
export function upsample(plane: Plane, across: number, down: number, width: number, height: number): Uint8Array {
  const { samples, stride } = plane
  if (across === 1 && down === 1) {
    const out = new Uint8Array(width * height)
    for (let row = 0; row < height; row++) out.set(samples.subarray(row * stride, row * stride + width), row * width)
    return out
  }
  const smooth = (across === 2 && (down === 1 || down === 2) && plane.width > 2) || (across === 1 && down === 2)
  return smooth ? interpolate(plane, across, down, width, height) : repeat(plane, across, down, width, height)
}

function repeat({ samples, stride }: Plane, across: number, down: number, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height)
  for (let row = 0, write = 0; row < height; row++)
    for (let column = 0; column < width; column++) out[write++] = samples[Math.floor(row / down) * stride + Math.floor(column / across)]!
  return out
}

function interpolate(plane: Plane, across: number, down: number, width: number, height: number): Uint8Array {
  const { samples, stride } = plane
  const out = new Uint8Array(width * height)
  const sums = new Int32Array(plane.width)
  for (let row = 0; row < height; row++) {
    const own = down === 2 ? row >> 1 : row
    const near = Math.min(Math.max(row % 2 === 0 ? own - 1 : own + 1, 0), plane.height - 1)
    for (let column = 0; column < plane.width; column++) {
      const sample = samples[own * stride + column]!
      sums[column] = down === 2 ? 3 * sample + samples[near * stride + column]! : sample
    }
    const write = row * width
    if (across === 1) for (let column = 0; column < width; column++) out[write + column] = (sums[column]! + (row % 2 === 0 ? 1 : 2)) >> 2
    else writeRow(out, write, sums, width, down === 2)
  }
  return out
}

/** Two samples per sum; the sums of two rows weigh four times as much. */
function writeRow(out: Uint8Array, write: number, sums: Int32Array, width: number, twoRows: boolean): void {
  const [shift, before, after] = twoRows ? [4, 8, 7] : [2, 1, 2]
  const last = sums.length - 1
  for (let column = 0; column < width; column++) {
    const at = column >> 1
    const isLeft = column % 2 === 0
    const other = isLeft ? at - 1 : at + 1
    const bias = isLeft ? before : after
    if (other >= 0 && other <= last) out[write + column] = (3 * sums[at]! + sums[other]! + bias) >> shift
    else out[write + column] = twoRows ? (4 * sums[at]! + bias) >> shift : sums[at]!
  }
}
