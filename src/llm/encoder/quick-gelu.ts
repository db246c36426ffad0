import type { MapExpression } from '../../program/index.ts'

/** x · sigmoid(1.702 x). Source: Hendrycks & Gimpel 2016, the faster approximation. */
export const QUICK_GELU: MapExpression = ['mul', { input: 0 }, ['sigmoid', ['mul', { constant: 1.702 }, { input: 0 }]]]
