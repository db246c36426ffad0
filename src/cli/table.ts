import { printable } from './terminal.ts'

/** Lines of aligned columns, two spaces apart; columns named in `right` are aligned to the right. */
export function tableLines(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const shown = rows.map(row => row.map(cell => printable(cell)))
  const widths = shown.reduce<number[]>((sizes, row) => {
    for (const [i, cell] of row.entries()) sizes[i] = Math.max(sizes[i] ?? 0, cell.length)
    return sizes
  }, [])
  return shown.map(row =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

/** Lines under a heading, indented by two spaces. */
export function section(heading: string, lines: readonly string[]): string {
  return `${heading}\n${lines.map(line => `  ${line}\n`).join('')}`
}
