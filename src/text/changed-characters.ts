/** A character of a rewritten text and how the text changed there, as Hugging Face tokenizers count it. */
export interface Part {
  readonly character: string
  /** 0: stands for the next character of the source. 1: was inserted. -n: also stands for the n characters after. */
  readonly change: number
}

/** A character of a rewritten text and the code unit of the source that it stands for. */
export interface Placed {
  readonly character: string
  readonly at: number
}

/** Finds what each part of a rewritten `source` stands for; an inserted part stands for what the one before it does. */
export function placeParts(source: string, parts: readonly Part[]): Placed[] {
  const starts: number[] = []
  for (let at = 0; at < source.length; at += source.codePointAt(at)! > 0xffff ? 2 : 1) starts.push(at)
  let next = 0
  return parts.map(({ character, change }) => {
    const index = change > 0 ? next - 1 : next
    if (change <= 0) next += 1 - change
    return { character, at: starts[Math.max(0, Math.min(index, starts.length - 1))] ?? 0 }
  })
}

/** The parts of a replacement of `count` characters; `parts` holds what comes before and is added to. */
export function addReplacement(parts: Part[], count: number, replacement: string): void {
  const characters = [...replacement]
  for (const [i, character] of characters.entries()) parts.push({ character, change: i < count ? 0 : 1 })
  const last = parts.at(-1)
  if (characters.length < count && last) parts[parts.length - 1] = { ...last, change: last.change - (count - characters.length) }
}
