import { HenceError } from '../core/index.ts'

const MAX_CELLS = 2 ** 26

/**
 * Rows of a table of values between commas. A cell in quotes may hold commas, line breaks and doubled quotes; spaces
 * around other cells are dropped, as are empty lines. Source: RFC 4180.
 *
 * @throws HenceError `FILE_MALFORMED` for a quote that never ends, rows of different lengths; `FILE_LIMIT`
 */
export function parseCsv(text: string, name = 'CSV', separator = ','): string[][] {
  const rows: string[][] = []
  const pattern = new RegExp(`\\s*"((?:[^"]|"")*)"[^\\S\\n]*|[^${separator}\\n]*`, 'y')
  let row: string[] = []
  let cells = 0
  // A byte-order mark is no part of the first cell.
  for (let at = text.startsWith('\ufeff') ? 1 : 0; at <= text.length; at++) {
    pattern.lastIndex = at
    const match = pattern.exec(text)!
    const line = rows.length + 1
    if (match[1] === undefined && match[0].trimStart().startsWith('"'))
      throw new HenceError('FILE_MALFORMED', `${name}, row ${line}: a quote is not closed`, { name, row: line })
    row.push(match[1] === undefined ? match[0].trim() : match[1].replaceAll('""', '"'))
    if (++cells > MAX_CELLS) throw new HenceError('FILE_LIMIT', `${name}: more than ${MAX_CELLS} cells`, { name, limit: MAX_CELLS })
    at += match[0].length
    const next = text[at]
    if (next === separator) continue
    if (next !== undefined && next !== '\n')
      throw new HenceError('FILE_MALFORMED', `${name}, row ${line}: ${JSON.stringify(next)} follows a quoted cell`, { name, row: line })
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  const width = rows[0]?.length ?? 0
  for (const [i, { length }] of rows.entries())
    if (length !== width)
      throw new HenceError('FILE_MALFORMED', `${name}, row ${i + 1}: ${length} cells, the first row has ${width}`, {
        name,
        row: i + 1,
        expected: width,
        got: length,
      })
  return rows
}
