import { HenceError } from '../../core/index.ts'
import { CausalGraph, GRAPH_LIMITS } from './causal-graph.ts'

const MAX_TEXT_LENGTH = 2 ** 23

/** A name in quotes, an edge, an attribute list, a plain name, or a separator; comments and spaces are skipped. */
const TOKEN =
  /\s*(?:(?:#|\/\/)[^\n]*|\/\*[\s\S]*?\*\/)|(\s+)|("(?:[^"\\\n]|\\.)*")|(<->|->|<-|--)|(\[[^\]\n]*\])|([^\s;,{}[\]"<>#=|()]+?(?=->|<-|--|[\s;,{}[\]"<>#=|()]|$))|([;,{}=])|(.)/gsu

type TokenKind = 'name' | 'edge' | 'attributes' | 'mark'
interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly line: number
}

/**
 * Reads a causal graph: edges `x -> y`, `y <- x` and `x <-> y` (an unseen common cause), in chains or not, separated by `;`,
 * commas or line breaks; a name alone for a variable without edges; `u [hidden]` for one that cannot be observed. Names with
 * other characters than letters, digits and signs stand in double quotes. Comments begin with `#` or `//`. All of it may
 * stand in `dag { … }`, and `latent` and `unobserved` are read as `hidden`, as DAGitty writes them; other attributes and settings are ignored.
 *
 * @throws HenceError `CAUSAL_GRAPH_INVALID` with the line
 */
export function parseCausalGraph(text: string): CausalGraph {
  if (text.length > MAX_TEXT_LENGTH)
    throw new HenceError('CAUSAL_GRAPH_INVALID', `the text of the causal graph is longer than ${MAX_TEXT_LENGTH} characters`)
  const tokens = unwrapped(tokenize(text))
  const variables: string[] = []
  const hidden: string[] = []
  const arrows: [string, string][] = []
  const confounded: [string, string][] = []
  let last: string | undefined
  let edge: Token | undefined
  for (const token of tokens) {
    if (token.kind === 'name') {
      variables.push(token.text)
      if (last !== undefined && edge) {
        if (edge.text === '<->') confounded.push([last, token.text])
        else arrows.push(edge.text === '->' ? [last, token.text] : [token.text, last])
      }
      last = token.text
      edge = undefined
    } else if (edge) throw malformed(`"${edge.text}" needs a variable after it`, edge)
    else if (token.kind === 'edge') {
      if (last === undefined) throw malformed(`"${token.text}" needs a variable before it`, token)
      edge = token
    } else if (token.kind === 'attributes') {
      if (last === undefined) throw malformed(`${token.text} needs a variable before it`, token)
      if (/(^|[[,\s])(hidden|latent|unobserved)(?=[\],\s]|$)/.test(token.text)) hidden.push(last)
    } else last = undefined
    if (variables.length > 4 * GRAPH_LIMITS.edges) throw malformed('the graph is too large', token)
  }
  if (edge) throw malformed(`"${edge.text}" needs a variable after it`, edge)
  return new CausalGraph({ variables, arrows, confounded, hidden })
}

/** The graph as text that {@link parseCausalGraph} reads: one statement a line. */
export function printCausalGraph(graph: CausalGraph): string {
  const { variables, arrows, confounded, hidden } = graph.toParts()
  const isHidden = new Set(hidden)
  const lines = [
    ...variables.map(name => (isHidden.has(name) ? `${quoted(name)} [hidden]` : quoted(name))),
    ...arrows.map(([from, to]) => `${quoted(from)} -> ${quoted(to)}`),
    ...confounded.map(([a, b]) => `${quoted(a)} <-> ${quoted(b)}`),
  ]
  return `dag {\n${lines.map(line => `  ${line}\n`).join('')}}\n`
}

function quoted(name: string): string {
  return /^[\p{L}\p{N}_.+*/%$&@!?^~:'-]+$/u.test(name) && !/--|->|^[-/]|\/\/|\/\*/.test(name)
    ? name
    : `"${name.replace(/["\\]/g, '\\$&').replaceAll('\n', ' ')}"`
}

/** Without `dag {` and `}`. */
function unwrapped(tokens: readonly Token[]): Token[] {
  const isMark = (token: Token | undefined, text: string): boolean => token?.kind === 'mark' && token.text === text
  const body = tokens.filter(token => !(token.kind === 'mark' && token.text === '\n'))
  const open = body.findIndex(token => isMark(token, '{'))
  if (open < 0 || open > 2) return checkBraces([...tokens])
  if (!isMark(body.at(-1), '}')) throw malformed('"{" is not closed by a "}" at the end', body[open]!)
  const within = tokens.slice(tokens.indexOf(body[open]!) + 1, tokens.indexOf(body.at(-1)!))
  const isSetting = (at: number): boolean => isMark(within[at], '=')
  return checkBraces(within.filter((_, i) => !isSetting(i - 1) && !isSetting(i) && !isSetting(i + 1)))
}

function checkBraces(tokens: Token[]): Token[] {
  const brace = tokens.find(({ kind, text }) => kind === 'mark' && /[{}=]/.test(text))
  if (brace) throw malformed(`"${brace.text}" is out of place`, brace)
  return tokens
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  for (const match of text.matchAll(TOKEN)) {
    const [whole, , inQuotes, edge, attributes, name, mark, other] = match
    const add = (kind: TokenKind, value: string): unknown => tokens.push({ kind, text: value, line })
    if (inQuotes !== undefined) add('name', inQuotes.slice(1, -1).replace(/\\(.)/g, '$1'))
    else if (edge === '--') throw malformed('"--" has no direction; write "->", "<-" or "<->"', { line })
    else if (edge !== undefined) add('edge', edge)
    else if (attributes !== undefined) add('attributes', attributes)
    else if (name !== undefined) add('name', name)
    else if (mark !== undefined) add('mark', mark)
    else if (other !== undefined) throw malformed(`${JSON.stringify(other)} has no meaning here`, { line })
    const breaks = whole.split('\n').length - 1
    if (breaks > 0) {
      // A line break ends a statement unless the chain goes on.
      const previous = tokens.at(-1)
      if (previous && previous.kind !== 'edge' && inQuotes === undefined) add('mark', '\n')
      line += breaks
    }
  }
  return tokens
}

function malformed(what: string, { line }: { line: number }): HenceError {
  return new HenceError('CAUSAL_GRAPH_INVALID', `line ${line} of the causal graph: ${what}`, { line })
}
