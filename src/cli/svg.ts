import { escapeXml } from '../core/index.ts'

/** Colours that people with any sight tell apart, after Okabe and Ito. */
export const COLOURS: readonly string[] = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#b8a900', '#777777']
/** Attribute of the outermost element. */
export const FONT = 'font-family="system-ui, sans-serif"'

/** A text element. */
export function svgText(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x.toFixed(2)}" y="${y}" ${attributes}>${escapeXml(content)}</text>`
}

/** The smallest of 1, 2, 5, 10, … of which at most `count` go into `span`. */
export function roundStep(span: number, count: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(span / count, 1e-12)))
  return [1, 2, 5, 10].map(digit => digit * power).find(step => span / step <= count * (1 + 1e-9)) ?? span
}
