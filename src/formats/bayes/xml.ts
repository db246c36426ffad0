import { HenceError } from '../../core/index.ts'

/** An element of an XML document; text and children as they are, without what lies between the children. */
export interface XmlElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** All text directly inside, entities resolved. */
  readonly text: string
}

/** Hence's own limits; network files are some five levels deep. */
const MAX_DEPTH = 64
const MAX_ELEMENTS = 5_000_000

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
const NAME = /[\p{L}_:][\p{L}\p{N}_:.-]*/uy
const ATTRIBUTE = /\s+([\p{L}_:][\p{L}\p{N}_:.-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/uy

/**
 * Reads the subset of XML that data files use. Document types are skipped, their entities unknown: nothing expands.
 *
 * @returns the root element
 * @throws HenceError `FILE_MALFORMED`, `FILE_LIMIT`
 */
export function readXml(text: string, where: string): XmlElement {
  interface Open {
    readonly name: string
    readonly attributes: Map<string, string>
    readonly children: XmlElement[]
    text: string
  }
  const fault = (message: string, at: number): HenceError =>
    new HenceError('FILE_MALFORMED', `${where}: offset ${at}: ${message}`, { where, offset: at })
  const open: Open[] = [{ name: '', attributes: new Map(), children: [], text: '' }]
  let count = 0
  let at = 0
  const skipTo = (mark: string, from: number, what: string): void => {
    const end = text.indexOf(mark, from)
    if (end < 0) throw fault(`${what} does not end`, from)
    at = end + mark.length
  }
  while (at < text.length) {
    const top = open.at(-1)!
    if (text.charCodeAt(at) !== 0x3c) {
      const next = text.indexOf('<', at)
      const end = next < 0 ? text.length : next
      top.text += unescapeXml(text.slice(at, end))
      at = end
    } else if (text.startsWith('<!--', at)) skipTo('-->', at + 4, 'a comment')
    else if (text.startsWith('<![CDATA[', at)) {
      const begin = at + 9
      skipTo(']]>', begin, 'a CDATA section')
      top.text += text.slice(begin, at - 3)
    } else if (text.startsWith('<?', at)) skipTo('?>', at + 2, 'an instruction')
    else if (text.startsWith('<!', at))
      at =
        endOfDocumentType(text, at) ??
        (() => {
          throw fault('a declaration does not end', at)
        })()
    else if (text.startsWith('</', at)) {
      const end = text.indexOf('>', at)
      const name = text.slice(at + 2, end < 0 ? text.length : end).trim()
      if (end < 0 || open.length === 1 || name !== top.name) throw fault(`</${name.slice(0, 40)}> closes <${top.name}>`, at)
      open.pop()
      open.at(-1)!.children.push(top)
      at = end + 1
    } else {
      NAME.lastIndex = at + 1
      const name = NAME.exec(text)?.[0]
      if (name === undefined) throw fault('expected the name of an element', at)
      at += 1 + name.length
      const attributes = new Map<string, string>()
      for (;;) {
        ATTRIBUTE.lastIndex = at
        const match = ATTRIBUTE.exec(text)
        if (!match) break
        attributes.set(match[1]!, unescapeXml(match[2] ?? match[3] ?? ''))
        at = ATTRIBUTE.lastIndex
      }
      while (at < text.length && text.charCodeAt(at) <= 0x20) at++
      const isEmpty = text.startsWith('/>', at)
      if (!isEmpty && text[at] !== '>') throw fault(`the tag <${name}> does not end`, at)
      at += isEmpty ? 2 : 1
      if (++count > MAX_ELEMENTS || open.length > MAX_DEPTH)
        throw new HenceError(
          'FILE_LIMIT',
          `${where}: more than ${MAX_ELEMENTS} elements or deeper than ${MAX_DEPTH}, limits of Hence's reader`,
          { where },
        )
      const element = { name, attributes, children: [], text: '' }
      if (isEmpty) top.children.push(element)
      else open.push(element)
    }
  }
  const [root] = open[0]!.children
  if (open.length > 1) throw fault(`<${open.at(-1)!.name}> is not closed`, at)
  if (!root || open[0]!.children.length > 1) throw fault('expected one element around everything', 0)
  return root
}

/** The first child of a name. */
export function childOf({ children }: XmlElement, name: string): XmlElement | undefined {
  return children.find(child => child.name.toLowerCase() === name.toLowerCase())
}

/** All children of a name. */
export function childrenOf({ children }: XmlElement, name: string): XmlElement[] {
  return children.filter(child => child.name.toLowerCase() === name.toLowerCase())
}

/** Offset behind a `<!…>` declaration, which may hold others in brackets. */
function endOfDocumentType(text: string, from: number): number | undefined {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const c = text[at]
    if (c === '<') depth++
    else if (c === '>' && --depth === 0) return at + 1
  }
  return undefined
}

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w+));/gi, (whole, decimal, hex, name) => {
    const code = decimal === undefined ? (hex === undefined ? undefined : Number.parseInt(hex, 16)) : Number(decimal)
    if (code !== undefined) return code <= 0x10ffff ? String.fromCodePoint(code) : whole
    return ENTITIES[name] ?? whole
  })
}
