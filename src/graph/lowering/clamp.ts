import type { MapExpression } from '../../program/index.ts'

/** An expression's value, or the bound it lies beyond. */
export function clamp(x: MapExpression, low: number, high: number): MapExpression {
  return ['min', ['max', x, { constant: low }], { constant: high }]
}
