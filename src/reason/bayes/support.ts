import { cellCount, type Factor } from './factor.ts'
import { fillStrided, planStrides } from './strided.ts'

/** Cells of a clique that may be other than zero, in the order of the full table. */
export interface Support {
  /** Where each state of the separator begins in the lists below; one entry more than there are states. */
  readonly rowStarts: Int32Array
  /** By cell: its place in the residual. */
  readonly residuals: Int32Array
  /** By cell: the product of the potentials. */
  readonly values: Float64Array
  /** By child: by cell, its place in the child's separator. */
  readonly children: readonly Int32Array[]
}

/** What decides which cells may be other than zero. */
export interface SupportParts {
  readonly scope: readonly number[]
  readonly separatorLength: number
  readonly cards: ArrayLike<number>
  readonly factors: readonly Factor[]
  /** Separators of the children, and which of their cells may be other than zero: all where that is absent. */
  readonly children: readonly { readonly scope: readonly number[]; readonly support: Uint8Array | undefined }[]
}

/** A factor or a child's separator, its variables in the order of the clique. */
interface Constraint {
  readonly scope: readonly number[]
  /** By number of variables set: 1 where some combination of the others may be other than zero. Absent: all. */
  readonly levels: readonly Uint8Array[] | undefined
  /** Of a factor. */
  readonly table: Float64Array | undefined
}

/** What setting the variable at one depth decides. Indices of constraints are kept in slots, one for each of their variables. */
interface Depth {
  readonly card: number
  /** Slots that get the index with this variable; the one before each has the index without it. */
  readonly slots: Int32Array
  /** What the index must be allowed by, where it is. */
  readonly levels: readonly (Uint8Array | undefined)[]
  /** Factors whose last variable this is, and the slots of their indices. */
  readonly tables: readonly Float64Array[]
  readonly tableSlots: Int32Array
}

/**
 * Lists the cells of a clique that may be other than zero, by depth first search with every constraint cutting as early as its
 * first variables allow. The full table is never made.
 *
 * @param limit - gives up, and returns undefined, beyond so many cells
 */
export function findSupport({ scope, separatorLength, cards, factors, children }: SupportParts, limit: number): Support | undefined {
  const constraints: Constraint[] = [
    ...factors.map(factor => factorConstraint(factor, scope, cards)),
    ...children.map(child => ({
      scope: child.scope,
      levels: child.support && levelsOf(child.support, child.scope, cards),
      table: undefined,
    })),
  ]
  // Slot 0 of a constraint is the index 0 before any of its variables is set.
  const firstSlots: number[] = []
  let slotCount = 0
  for (const constraint of constraints) {
    firstSlots.push(slotCount)
    slotCount += constraint.scope.length + 1
  }
  const depths = scope.map(variable => planDepth(variable, cards[variable]!, constraints, firstSlots))
  const childSlots = Int32Array.from(children, (child, i) => firstSlots[factors.length + i]! + child.scope.length)
  const indices = new Int32Array(slotCount)
  const last = scope.length - 1
  const separatorCells = cellCount(scope.slice(0, separatorLength), cards)
  const rowStarts = new Int32Array(separatorCells + 1)
  const cells = new CellList(children.length)
  const constant = factors.reduce((product, factor) => (factor.scope.length === 0 ? product * factor.table[0]! : product), 1)

  /** `row` and `column` are the places in separator and residual of the variables set so far, `value` their factors' product. */
  const visit = (depth: number, row: number, column: number, value: number): boolean => {
    const { card, slots, levels, tables, tableSlots } = depths[depth]!
    for (let state = 0; state < card; state++) {
      let isPossible = true
      for (let i = 0; i < slots.length && isPossible; i++) {
        const slot = slots[i]!
        const index = indices[slot - 1]! * card + state
        indices[slot] = index
        const level = levels[i]
        isPossible = level === undefined || level[index] === 1
      }
      if (!isPossible) continue
      let product = value
      for (let i = 0; i < tables.length; i++) product *= tables[i]![indices[tableSlots[i]!]!]!
      const nextRow = depth < separatorLength ? row * card + state : row
      const nextColumn = depth < separatorLength ? 0 : column * card + state
      if (depth < last) {
        if (!visit(depth + 1, nextRow, nextColumn, product)) return false
      } else {
        if (cells.length >= limit) return false
        rowStarts[nextRow + 1]!++
        cells.push(nextColumn, product, indices, childSlots)
      }
    }
    return true
  }
  if (constant !== 0 && !visit(0, 0, 0, constant)) return undefined
  for (let row = 0; row < separatorCells; row++) rowStarts[row + 1]! += rowStarts[row]!
  return { rowStarts, ...cells.finish() }
}

function planDepth(variable: number, card: number, constraints: readonly Constraint[], firstSlots: readonly number[]): Depth {
  const own = constraints.flatMap(({ scope, levels, table }, i) => {
    const place = scope.indexOf(variable)
    if (place < 0) return []
    const isLast = place === scope.length - 1
    return [{ slot: firstSlots[i]! + place + 1, level: levels?.[place + 1], table: isLast ? table : undefined }]
  })
  const completed = own.filter(({ table }) => table !== undefined)
  return {
    card,
    slots: Int32Array.from(own, ({ slot }) => slot),
    levels: own.map(({ level }) => level),
    tables: completed.map(({ table }) => table!),
    tableSlots: Int32Array.from(completed, ({ slot }) => slot),
  }
}

/** Leaves out the cells at states of the separator that the parent has no cell for. */
export function restrictSupport({ rowStarts, residuals, values, children }: Support, separator: Uint8Array): Support {
  const starts = new Int32Array(rowStarts.length)
  let count = 0
  for (let row = 0; row < separator.length; row++) {
    if (separator[row] === 1) count += rowStarts[row + 1]! - rowStarts[row]!
    starts[row + 1] = count
  }
  if (count === residuals.length) return { rowStarts, residuals, values, children }
  const keep = <T extends Int32Array | Float64Array>(source: T, target: T): T => {
    for (let row = 0; row < separator.length; row++)
      if (separator[row] === 1) target.set(source.subarray(rowStarts[row]!, rowStarts[row + 1]!), starts[row]!)
    return target
  }
  return {
    rowStarts: starts,
    residuals: keep(residuals, new Int32Array(count)),
    values: keep(values, new Float64Array(count)),
    children: children.map(child => keep(child, new Int32Array(count))),
  }
}

/** The share of cells that would remain if the constraints were independent. */
export function expectedShare(factors: readonly Factor[], supports: readonly (Uint8Array | undefined)[]): number {
  let share = 1
  for (const { table } of factors) share *= shareOf(table)
  for (const support of supports) if (support) share *= shareOf(support)
  return share
}

function shareOf(values: Float64Array | Uint8Array): number {
  let count = 0
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) count++
  return count / values.length
}

function factorConstraint(factor: Factor, order: readonly number[], cards: ArrayLike<number>): Constraint {
  const scope = order.filter(variable => factor.scope.includes(variable))
  const table = new Float64Array(factor.table.length)
  fillStrided(table, factor.table, planStrides(scope, factor.scope, cards))
  return {
    scope,
    table,
    levels: table.includes(0)
      ? levelsOf(
          Uint8Array.from(table, value => (value === 0 ? 0 : 1)),
          scope,
          cards,
        )
      : undefined,
  }
}

function levelsOf(support: Uint8Array, scope: readonly number[], cards: ArrayLike<number>): Uint8Array[] {
  const levels = [support]
  for (let i = scope.length - 1; i >= 0; i--) {
    const card = cards[scope[i]!]!
    const longer = levels[0]!
    const shorter = new Uint8Array(longer.length / card)
    for (let k = 0; k < longer.length; k++) if (longer[k] === 1) shorter[Math.floor(k / card)] = 1
    levels.unshift(shorter)
  }
  return levels
}

/** Lists that grow together. */
class CellList {
  length = 0
  #residuals = new Int32Array(256)
  #values = new Float64Array(256)
  #children: Int32Array[]

  constructor(childCount: number) {
    this.#children = Array.from({ length: childCount }, () => new Int32Array(256))
  }

  /** @param slots - where the children's places stand in `indices` */
  push(residual: number, value: number, indices: Int32Array, slots: Int32Array): void {
    const at = this.length++
    if (at === this.#residuals.length) this.#grow()
    this.#residuals[at] = residual
    this.#values[at] = value
    for (let i = 0; i < this.#children.length; i++) this.#children[i]![at] = indices[slots[i]!]!
  }

  finish(): Omit<Support, 'rowStarts'> {
    return {
      residuals: this.#residuals.slice(0, this.length),
      values: this.#values.slice(0, this.length),
      children: this.#children.map(child => child.slice(0, this.length)),
    }
  }

  #grow(): void {
    const size = this.#residuals.length * 2
    const grown = <T extends Int32Array | Float64Array>(target: T, source: T): T => {
      target.set(source)
      return target
    }
    this.#residuals = grown(new Int32Array(size), this.#residuals)
    this.#values = grown(new Float64Array(size), this.#values)
    this.#children = this.#children.map(child => grown(new Int32Array(size), child))
  }
}
