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
  /** By number of variables set: 1 where some combination of the others may be other than zero. Absent: all. */
  readonly levels: readonly Uint8Array[] | undefined
  readonly table: Float64Array | undefined
}

/** A constraint on the variable at one depth. */
interface Check {
  readonly constraint: number
  /** Where the constraint's index up to this variable is kept, and that up to the variable before. */
  readonly slot: number
  readonly level: Uint8Array | undefined
}

/**
 * Lists the cells of a clique that may be other than zero, by depth first search with every constraint cutting as early as its
 * first variables allow. The full table is never made.
 *
 * @param limit - gives up, and returns undefined, beyond so many cells
 */
export function findSupport({ scope, separatorLength, cards, factors, children }: SupportParts, limit: number): Support | undefined {
  const constraints = [
    ...factors.map(factor => factorConstraint(factor, scope, cards)),
    ...children.map(({ scope: childScope, support }) => ({
      levels: support && levelsOf(support, childScope, cards),
      table: undefined,
    })),
  ]
  const scopes = [
    ...factors.map(factor => scope.filter(variable => factor.scope.includes(variable))),
    ...children.map(child => child.scope),
  ]
  // Slot 0 of a constraint is the index 0 before any of its variables is set.
  const firstSlots: number[] = []
  let slots = 0
  for (const constraintScope of scopes) {
    firstSlots.push(slots)
    slots += constraintScope.length + 1
  }
  const checks = scope.map(variable =>
    scopes.flatMap((constraintScope, constraint): Check[] => {
      const place = constraintScope.indexOf(variable)
      if (place < 0) return []
      return [{ constraint, slot: firstSlots[constraint]! + place + 1, level: constraints[constraint]!.levels?.[place + 1] }]
    }),
  )
  const indices = new Int32Array(slots)
  const factorCount = factors.length
  const lastSlots = scopes.map((constraintScope, i) => firstSlots[i]! + constraintScope.length)
  const separatorCells = cellCount(scope.slice(0, separatorLength), cards)
  const rowStarts = new Int32Array(separatorCells + 1)
  const cells = new CellList(children.length)
  let isBeyond = false

  /** `row` and `column` are the places in separator and residual of the variables set so far. */
  const visit = (depth: number, row: number, column: number): void => {
    if (depth === scope.length) {
      let value = 1
      for (let i = 0; i < factorCount; i++) value *= constraints[i]!.table![indices[lastSlots[i]!]!]!
      rowStarts[row + 1]!++
      cells.push(column, value, indices, lastSlots, factorCount)
      if (cells.length > limit) isBeyond = true
      return
    }
    const card = cards[scope[depth]!]!
    const list = checks[depth]!
    for (let state = 0; state < card && !isBeyond; state++) {
      let isPossible = true
      for (let i = 0; i < list.length; i++) {
        const { slot, level } = list[i]!
        const index = indices[slot - 1]! * card + state
        indices[slot] = index
        if (level !== undefined && level[index] === 0) {
          isPossible = false
          break
        }
      }
      if (!isPossible) continue
      if (depth < separatorLength) visit(depth + 1, row * card + state, 0)
      else visit(depth + 1, row, column * card + state)
    }
  }
  visit(0, 0, 0)
  if (isBeyond) return undefined
  for (let row = 0; row < separatorCells; row++) rowStarts[row + 1]! += rowStarts[row]!
  return { rowStarts, ...cells.finish() }
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

  /** @param slots - where the children's places stand in `indices`, from `firstChild` on */
  push(residual: number, value: number, indices: Int32Array, slots: readonly number[], firstChild: number): void {
    const at = this.length++
    if (at === this.#residuals.length) this.#grow()
    this.#residuals[at] = residual
    this.#values[at] = value
    for (let i = 0; i < this.#children.length; i++) this.#children[i]![at] = indices[slots[firstChild + i]!]!
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
