/**
 * True for the beginning of a causal graph: text in `dag { … }` or with an edge between names in its first statement, or JSON
 * with the format "hence-causal".
 *
 * @param head - some hundred characters or more
 */
export function looksLikeCausalGraph(head: string): boolean {
  const text = head.replace(/^\uFEFF?(?:\s+|#[^\n]*\n|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*/, '')
  if (/^\{[^{}]*?"format"\s*:\s*"hence-causal"/.test(text)) return true
  if (/^(dag|causal)(\s+\w+)?\s*\{/.test(text)) return true
  return /^("[^"\n]{1,200}"|[\p{L}\p{N}_.]{1,200})[ \t]*(\[[^\]\n]{0,200}\][ \t]*)?(->|<-|<->)[ \t]*["\p{L}\p{N}_]/u.test(text)
}
