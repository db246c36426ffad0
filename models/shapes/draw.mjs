/**
 * Draws shapes as grey pictures: outlined or filled, dark on light or light on dark, turned, moved, wobbly as by hand. The
 * same seed draws the same picture.
 */
import { drawer } from '../storyteller/tell.mjs'

export const SIZE = 32
export const SHAPES = ['circle', 'square', 'triangle', 'star', 'heart', 'cross', 'moon', 'arrow']

/** Corners of every shape, clockwise, within −1..1. */
const OUTLINES = {
  circle: around(28, () => 1),
  square: [
    [-0.8, -0.8],
    [0.8, -0.8],
    [0.8, 0.8],
    [-0.8, 0.8],
  ],
  triangle: around(3, () => 1),
  star: around(10, i => (i % 2 === 0 ? 1 : 0.42)),
  heart: along(28, t => [Math.sin(t) ** 3, -(13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t)) / 16]),
  cross: [
    [-0.3, -1],
    [0.3, -1],
    [0.3, -0.3],
    [1, -0.3],
    [1, 0.3],
    [0.3, 0.3],
    [0.3, 1],
    [-0.3, 1],
    [-0.3, 0.3],
    [-1, 0.3],
    [-1, -0.3],
    [-0.3, -0.3],
  ],
  moon: [...arc(0, 0, 1, 0.9, 2 * Math.PI - 0.9, 20), ...arc(0.5, 0, 0.79, 4.864, 1.418, 14)],
  arrow: [
    [-1, -0.22],
    [0.15, -0.22],
    [0.15, -0.7],
    [1, 0],
    [0.15, 0.7],
    [0.15, 0.22],
    [-1, 0.22],
  ],
}

function along(count, at) {
  return Array.from({ length: count }, (_, i) => at((2 * Math.PI * i) / count))
}

function around(count, radius) {
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / count - Math.PI / 2
    return [radius(i) * Math.cos(angle), radius(i) * Math.sin(angle)]
  })
}

function arc(x, y, radius, from, to, count) {
  return Array.from({ length: count }, (_, i) => {
    const angle = from + ((to - from) * i) / (count - 1)
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)]
  })
}

/**
 * One picture.
 *
 * @param shape - one of {@link SHAPES}
 * @returns bytes `[SIZE, SIZE]`, 0 black
 */
export function drawShape(shape, seed) {
  const draw = drawer(seed)
  const between = (low, high) => low + ((high - low) * draw(65_536)) / 65_536
  const radius = between(7, 14)
  const stretch = between(0.8, 1.2)
  const angle = between(-Math.PI, Math.PI)
  const [cx, cy] = [16 + between(-1, 1) * (15 - radius), 16 + between(-1, 1) * (15 - radius)]
  const wobble = between(0, 0.07)
  const corners = OUTLINES[shape].map(([x, y]) => {
    const [a, b] = [(x + between(-wobble, wobble)) * radius * stretch, ((y + between(-wobble, wobble)) * radius) / stretch]
    return [cx + a * Math.cos(angle) - b * Math.sin(angle), cy + a * Math.sin(angle) + b * Math.cos(angle)]
  })
  const pen = draw(2) === 0 ? undefined : between(0.6, 1.5)
  const isDark = draw(2) === 0
  const paper = isDark ? between(170, 255) : between(0, 80)
  const ink = isDark ? between(0, 100) : between(150, 255)
  const noise = between(0, 14)
  const pixels = new Uint8Array(SIZE * SIZE)
  for (let i = 0; i < pixels.length; i++) {
    const distance = signedDistance((i % SIZE) + 0.5, Math.floor(i / SIZE) + 0.5, corners)
    const covered = Math.min(1, Math.max(0, 0.5 - (pen === undefined ? distance : Math.abs(distance) - pen)))
    pixels[i] = Math.min(255, Math.max(0, Math.round(paper + (ink - paper) * covered + between(-noise, noise))))
  }
  return pixels
}

/** Distance of a point to the outline, negative within. */
function signedDistance(x, y, corners) {
  let nearest = Number.POSITIVE_INFINITY
  let isInside = false
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [[ax, ay], [bx, by]] = [corners[j], corners[i]]
    const [dx, dy] = [bx - ax, by - ay]
    const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)))
    nearest = Math.min(nearest, (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2)
    if (by > y !== ay > y && x < ax + ((y - ay) * dx) / dy) isInside = !isInside
  }
  return isInside ? -Math.sqrt(nearest) : Math.sqrt(nearest)
}
