/**
 * A cycle of a directed graph: nodes in order, the first again at the end; empty where there is none.
 *
 * @param successors - of each node
 */
export function findCycle(successors: readonly (readonly number[])[]): number[] {
  const unseen = 0
  const open = 1
  const done = 2
  const states = new Uint8Array(successors.length).fill(unseen)
  const next = new Int32Array(successors.length)
  for (let start = 0; start < successors.length; start++) {
    if (states[start] !== unseen) continue
    const path = [start]
    states[start] = open
    while (path.length > 0) {
      const node = path.at(-1)!
      const successor = successors[node]![next[node]!++]
      if (successor === undefined) {
        states[node] = done
        path.pop()
      } else if (states[successor] === open) {
        return [...path.slice(path.indexOf(successor)), successor]
      } else if (states[successor] === unseen) {
        states[successor] = open
        path.push(successor)
      }
    }
  }
  return []
}
