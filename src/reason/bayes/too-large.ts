import { HenceError } from '../../core/index.ts'

/**
 * The refusal of exact inference, with the numbers.
 *
 * @param maxCells - what was allowed; undefined when nothing could be enough
 */
export function tooLarge(cells: number, maxCells: number | undefined): HenceError {
  const shown = cells < 1e6 ? String(cells) : cells.toExponential(1)
  const limit = maxCells === undefined ? 'table cells or more' : `table cells, more than ${maxCells}`
  return new HenceError('INFERENCE_TOO_LARGE', `exact inference needs ${shown} ${limit}`, {
    cells,
    ...(maxCells === undefined ? {} : { maxCells }),
  })
}
