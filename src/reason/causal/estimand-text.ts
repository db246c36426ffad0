import { type Estimand, freeVariables } from './estimand.ts'

/** A formula as people write it. */
export interface Formula {
  /** Plain text, such as `Σ_{z} P(y | x, z) P(z)`. */
  readonly text: string
  /** The same for LaTeX's mathematical mode. */
  readonly latex: string
}

/** The question a formula answers. */
export interface EffectQuestion {
  readonly effects: readonly string[]
  readonly causes: readonly string[]
  readonly given?: readonly string[] | undefined
}

/** P(effects | do(causes), given) as it is written. */
export function printQuestion(question: EffectQuestion): Formula {
  return { text: leftSide(question, PLAIN), latex: leftSide(question, LATEX) }
}

/**
 * An estimand as it is written. Variables that a sum runs over are primed where the question has them too: x′ is not the x
 * that is set.
 */
export function printEstimand(estimand: Estimand, question?: EffectQuestion): Formula {
  const outside = question ? [...question.effects, ...question.causes, ...(question.given ?? [])] : []
  const names = new Map([...outside, ...freeVariables(estimand)].map(name => [name, 0]))
  return { text: print(estimand, names, PLAIN), latex: print(estimand, names, LATEX) }
}

/** How many primes each variable in scope has. */
type Scope = ReadonlyMap<string, number>

interface Notation {
  name(name: string, primes: number): string
  probability(of: string, given: string): string
  sum(over: string, of: string): string
  ratio(above: Printed, below: Printed): string
  brackets(inside: string): string
  doing(causes: string): string
  readonly space: string
}

interface Printed {
  readonly text: string
  /** True when the text must not touch other factors without brackets. */
  readonly isLoose: boolean
}

const PLAIN: Notation = {
  name: (name, primes) => `${/^[^\s,|()=[\]{}]+$/u.test(name) ? name : `"${name}"`}${"'".repeat(primes)}`,
  probability: (of, given) => `P(${of}${given === '' ? '' : ` | ${given}`})`,
  sum: (over, of) => `Σ_{${over}} ${of}`,
  ratio: (above, below) => `${above.isLoose ? `[${above.text}]` : above.text} / ${below.isLoose ? `[${below.text}]` : below.text}`,
  brackets: inside => `[${inside}]`,
  doing: causes => `do(${causes})`,
  space: ' ',
}

const LATEX: Notation = {
  name: (name, primes) =>
    `${/^[a-zA-Z]$/.test(name) ? name : `\\mathit{${name.replace(/[\\{}$&#^_%~]/g, escapeLatex)}}`}${"'".repeat(primes)}`,
  probability: (of, given) => `P(${of}${given === '' ? '' : ` \\mid ${given}`})`,
  sum: (over, of) => `\\sum_{${over}} ${of}`,
  ratio: (above, below) => `\\frac{${above.text}}{${below.text}}`,
  brackets: inside => `\\left[${inside}\\right]`,
  doing: causes => `\\mathrm{do}(${causes})`,
  space: '\\, ',
}

function escapeLatex(character: string): string {
  if (character === '\\') return '\\backslash{}'
  return character === '^' || character === '~' ? `\\${character}{}` : `\\${character}`
}

function leftSide({ effects, causes, given = [] }: EffectQuestion, notation: Notation): string {
  const list = (names: readonly string[]): string => names.map(name => notation.name(name, 0)).join(', ')
  const conditions = [...(causes.length > 0 ? [notation.doing(list(causes))] : []), ...(given.length > 0 ? [list(given)] : [])]
  return notation.probability(list(effects), conditions.join(', '))
}

function print(estimand: Estimand, scope: Scope, notation: Notation): string {
  return printPart(estimand, scope, notation).text
}

function printPart(estimand: Estimand, scope: Scope, notation: Notation): Printed {
  const list = (names: readonly string[], within = scope): string =>
    names.map(name => notation.name(name, within.get(name) ?? 0)).join(', ')
  switch (estimand.kind) {
    case 'probability':
      return { text: notation.probability(list(estimand.of), list(estimand.given)), isLoose: false }
    case 'sum': {
      const inner = new Map(scope)
      for (const name of estimand.over) inner.set(name, (scope.get(name) ?? -1) + 1)
      const of = printPart(estimand.of, inner, notation)
      return { text: notation.sum(list(estimand.over, inner), of.text), isLoose: true }
    }
    case 'ratio': {
      const [above, below] = [printPart(estimand.above, scope, notation), printPart(estimand.below, scope, notation)]
      return { text: notation.ratio(above, { ...below, isLoose: below.isLoose || estimand.below.kind === 'product' }), isLoose: true }
    }
    case 'product': {
      if (estimand.factors.length === 0) return { text: '1', isLoose: false }
      // A sum reaches to the end of what follows it, so only the last factor may be one without brackets.
      const ordered = [...estimand.factors].sort((a, b) => Number(a.kind !== 'probability') - Number(b.kind !== 'probability'))
      const parts = ordered.map((factor, i) => {
        const { text, isLoose } = printPart(factor, scope, notation)
        return isLoose && (i < ordered.length - 1 || factor.kind === 'ratio') ? notation.brackets(text) : text
      })
      return { text: parts.join(notation.space), isLoose: ordered.at(-1)!.kind === 'sum' }
    }
  }
}
