import { escapeXml } from '../../core/index.ts'

/** What the pictures share: sizes in pixels, colours that people with any sight tell apart (after Okabe and Ito), and shapes. */
export const FONT_SIZE = 13
export const COLOURS = {
  ink: '#1f2933',
  faint: '#68727d',
  line: '#7b8794',
  paper: '#ffffff',
  node: '#f2f4f7',
  bar: '#0072b2',
  known: '#e69f00',
  cause: '#56b4e9',
  effect: '#f0c04a',
  adjusted: '#9fd8c4',
  path: '#d55e00',
} as const

/** A point of a picture. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** About how wide a text is in a font without serifs, a little more rather than less. */
export function textWidth(text: string, fontSize: number = FONT_SIZE): number {
  const ems = [...text].reduce((sum, character) => sum + (character > '\u2E7F' ? 1 : /[A-Z@%mwMW]/.test(character) ? 0.75 : 0.58), 0)
  return Math.ceil(ems * fontSize)
}

/** The beginning of a text that is too long. */
export function shorten(text: string, length: number): string {
  const characters = [...text]
  return characters.length > length ? `${characters.slice(0, length - 1).join('')}…` : text
}

/** A text element. */
export function svgText(at: Point, content: string, attributes = ''): string {
  return `<text x="${round(at.x)}" y="${round(at.y)}"${attributes === '' ? '' : ` ${attributes}`}>${escapeXml(content)}</text>`
}

/** A rectangle with its text. */
export function svgRect({ x, y, width, height }: Point & { width: number; height: number }, fill: string, attributes = ''): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}"${attributes === '' ? '' : ` ${attributes}`}/>`
}

/** A smooth line through points, with arrowheads where wanted. */
export function svgLine(
  points: readonly Point[],
  { colour = COLOURS.line, isDashed = false, head = false, tail = false, width = 1.4 }: LineStyle = {},
): string {
  const [first, ...rest] = points
  if (!first || rest.length === 0) return ''
  const parts = [`M${at(first)}`]
  for (const [i, point] of rest.entries()) {
    const next = rest[i + 1]
    if (next) parts.push(`${i === 0 ? `L${at(middle(first, point))}` : ''}Q${at(point)} ${at(middle(point, next))}`)
    else parts.push(`L${at(point)}`)
  }
  const marker = colour === COLOURS.path ? 'arrow-path' : 'arrow'
  return [
    `<path d="${parts.join('')}" fill="none" stroke="${colour}" stroke-width="${width}"`,
    isDashed ? ' stroke-dasharray="5 4"' : '',
    head ? ` marker-end="url(#${marker})"` : '',
    tail ? ` marker-start="url(#${marker})"` : '',
    '/>',
  ].join('')
}

/** How a line is drawn. */
export interface LineStyle {
  readonly colour?: string
  readonly isDashed?: boolean
  readonly head?: boolean
  readonly tail?: boolean
  readonly width?: number
}

/** A whole picture on white paper. */
export function svgPicture({ width, height, title }: { width: number; height: number; title: string }, parts: readonly string[]): string {
  const [w, h] = [Math.ceil(width), Math.ceil(height)]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="${FONT_SIZE}" fill="${COLOURS.ink}">`,
    `<title>${escapeXml(title)}</title>`,
    `<defs>${arrowHead('arrow', COLOURS.line)}${arrowHead('arrow-path', COLOURS.path)}</defs>`,
    `<rect width="${w}" height="${h}" fill="${COLOURS.paper}"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function arrowHead(id: string, colour: string): string {
  return `<marker id="${id}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 1L10 5L0 9z" fill="${colour}"/></marker>`
}

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }
}

function at({ x, y }: Point): string {
  return `${round(x)} ${round(y)}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
