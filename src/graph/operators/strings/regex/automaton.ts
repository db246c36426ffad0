import { isWordChar } from './char-classes.ts'
import { type Assertion, type CharTest, invalidPattern, type RegexNode } from './syntax.ts'

const MAX_STATES = 20_000

/**
 * A nondeterministic automaton. State `s` moves on a character that `tests[s]` accepts to `next[s]`; without a test it
 * moves at once to `next[s]` and `other[s]` (-1: nowhere), where `assertions[s]` holds. State 0 accepts.
 */
interface Automaton {
  readonly tests: (CharTest | undefined)[]
  readonly assertions: (Assertion | undefined)[]
  readonly next: number[]
  readonly other: number[]
}

/**
 * A test of whole strings against a pattern. It walks all ways to match at once, so its time is bounded by the product of
 * the sizes of string and pattern. Source: K. Thompson, Regular expression search algorithm, CACM 11 (1968)
 *
 * @throws HenceError `GRAPH_INVALID` when its repetitions, written out, are too many
 */
export function compileRegex(pattern: string, tree: RegexNode): (text: string) => boolean {
  const automaton: Automaton = { tests: [undefined], assertions: [undefined], next: [-1], other: [-1] }
  const start = build(pattern, automaton, tree, 0)
  return text => accepts(automaton, start, text)
}

function addState(pattern: string, automaton: Automaton, next: number, other = -1): number {
  const state = automaton.next.length
  if (state >= MAX_STATES) throw invalidPattern(pattern, `needs more than ${MAX_STATES} states`)
  automaton.tests.push(undefined)
  automaton.assertions.push(undefined)
  automaton.next.push(next)
  automaton.other.push(other)
  return state
}

/** Adds the states of a tree and returns the first; from the last one leads to `next`. */
function build(pattern: string, automaton: Automaton, node: RegexNode, next: number): number {
  switch (node.kind) {
    case 'empty':
      return next
    case 'char': {
      const state = addState(pattern, automaton, next)
      automaton.tests[state] = node.test
      return state
    }
    case 'assert': {
      const state = addState(pattern, automaton, next)
      automaton.assertions[state] = node.assertion
      return state
    }
    case 'sequence':
      return node.items.reduceRight((after, item) => build(pattern, automaton, item, after), next)
    case 'either':
      return node.items
        .map(item => build(pattern, automaton, item, next))
        .reduce((first, second) => addState(pattern, automaton, first, second))
    case 'repeat': {
      let after = next
      if (node.most === Number.POSITIVE_INFINITY) {
        after = addState(pattern, automaton, -1, next)
        automaton.next[after] = build(pattern, automaton, node.item, after)
      } else for (let count = node.least; count < node.most; count++) after = optionalOnce(pattern, automaton, node.item, after, next)
      for (let count = 0; count < node.least; count++) {
        const before = after
        after = build(pattern, automaton, node.item, after)
        // What adds no state would be repeated without end by nested repetitions.
        if (after === before) break
      }
      return after
    }
  }
}

function optionalOnce(pattern: string, automaton: Automaton, item: RegexNode, after: number, skip: number): number {
  return addState(pattern, automaton, build(pattern, automaton, item, after), skip)
}

function accepts(automaton: Automaton, start: number, text: string): boolean {
  const codes = Array.from(text, char => char.codePointAt(0)!)
  const { tests, next } = automaton
  const marks = new Int32Array(next.length).fill(-1)
  let current: number[] = []
  enter(automaton, marks, current, start, codes, 0)
  for (let at = 0; at < codes.length; at++) {
    if (current.length === 0) return false
    const following: number[] = []
    for (const state of current) {
      const test = tests[state]
      if (test?.(codes[at]!)) enter(automaton, marks, following, next[state]!, codes, at + 1)
    }
    current = following
  }
  return current.includes(0)
}

/** Adds the states that wait for a character, and state 0, reachable from `state` at position `at`. */
function enter(automaton: Automaton, marks: Int32Array, into: number[], state: number, codes: readonly number[], at: number): void {
  const stack = [state]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top < 0 || marks[top] === at) continue
    marks[top] = at
    if (top === 0 || automaton.tests[top]) {
      into.push(top)
      continue
    }
    const assertion = automaton.assertions[top]
    if (assertion && !holds(assertion, codes, at)) continue
    stack.push(automaton.other[top]!, automaton.next[top]!)
  }
}

function holds(assertion: Assertion, codes: readonly number[], at: number): boolean {
  switch (assertion) {
    case 'text-start':
      return at === 0
    case 'text-end':
      return at === codes.length
    case 'line-start':
      return at === 0 || codes[at - 1] === 10
    case 'line-end':
      return at === codes.length || codes[at] === 10
    case 'word':
      return isAtWordEdge(codes, at)
    case 'not-word':
      return !isAtWordEdge(codes, at)
  }
}

function isAtWordEdge(codes: readonly number[], at: number): boolean {
  return isWordChar(codes[at - 1] ?? -1) !== isWordChar(codes[at] ?? -1)
}
