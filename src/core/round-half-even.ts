/** The whole number nearest to `x`; of two equally near ones the even one. */
export function roundHalfEven(x: number): number {
  const rounded = Math.round(x)
  return Math.abs(x - Math.trunc(x)) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
