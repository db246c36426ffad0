/**
 * Special tokens that end a text or a turn in published models, whatever the file names as its end token: a file of
 * a base model names the end of a text, while its chat template ends turns with another token.
 */
const END_TEXTS: readonly string[] = [
  '</s>',
  '<eos>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<end_of_turn>',
  '<end_of_utterance>',
  '<｜end▁of▁sentence｜>',
  '<EOT>',
]

/**
 * All ids that end a text or a turn, the named ones first.
 *
 * @param idOf - id of a special token's text
 * @param named - ids that the file names
 */
export function endIds(idOf: (text: string) => number | undefined, named: readonly (number | undefined)[]): number[] {
  const ids = new Set<number>()
  for (const id of named) if (id !== undefined) ids.add(id)
  // Where messages end in <|return|> or <|call|>, <|end|> only ends one of several parts of a turn.
  const hasParts = idOf('<|return|>') !== undefined && idOf('<|call|>') !== undefined
  for (const text of END_TEXTS) {
    const id = hasParts && text === '<|end|>' ? undefined : idOf(text)
    if (id !== undefined) ids.add(id)
  }
  return [...ids]
}
