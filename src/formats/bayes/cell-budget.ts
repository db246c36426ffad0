import { HenceError } from '../../core/index.ts'

/** Hence's own limits: 1 GiB for all tables, 128 MiB for those that are larger than their file. */
const MAX_CELLS = 2 ** 27
const MAX_RULE_CELLS = 2 ** 24

/** Memory for tables, never more than the size of the file can account for. */
export class CellBudget {
  readonly #where: string
  readonly #characters: number
  #cells = 0
  #ruleCells = 0

  /** @param characters - size of the file, which takes two characters or more for a number */
  constructor(where: string, characters: number) {
    this.#where = where
    this.#characters = characters
  }

  /** A table, either of numbers in the file or one that a short rule in the file fills. @throws HenceError `FILE_LIMIT` */
  allocate(variable: string, rows: number, width: number): Float64Array {
    const cells = rows * width
    if (cells * 2 > this.#characters + 2) {
      this.#ruleCells += cells
      if (!(this.#ruleCells <= MAX_RULE_CELLS)) throw this.#beyond(variable, this.#ruleCells, MAX_RULE_CELLS)
    }
    this.#cells += cells
    if (this.#cells > MAX_CELLS) throw this.#beyond(variable, this.#cells, MAX_CELLS)
    return new Float64Array(cells)
  }

  #beyond(variable: string, cells: number, limit: number): HenceError {
    return new HenceError(
      'FILE_LIMIT',
      `${this.#where}: ${cells} cells in the tables up to that of ${variable} are more than ${limit}, a limit of Hence's reader`,
      { where: this.#where, variable, cells, limit },
    )
  }
}
