// Simpson's paradox: of 700 patients with kidney stones more got well under treatment B than under A, yet A is the better
// treatment for small stones and for large ones. Seeing is not doing.
//   node examples/simpsons-paradox.mjs
// Source of the counts: Charig et al., "Comparison of treatment of renal calculi by open surgery, percutaneous
// nephrolithotomy, and extracorporeal shockwave lithotripsy", BMJ 292 (1986).
import { causalModel } from 'hence'

const counts = [
  { size: 'small', treatment: 'A', well: 81, ill: 6 },
  { size: 'small', treatment: 'B', well: 234, ill: 36 },
  { size: 'large', treatment: 'A', well: 192, ill: 71 },
  { size: 'large', treatment: 'B', well: 55, ill: 25 },
]
const patients = counts.flatMap(({ size, treatment, well, ill }) => [
  ...Array.from({ length: well }, () => ({ size, treatment, outcome: 'well' })),
  ...Array.from({ length: ill }, () => ({ size, treatment, outcome: 'ill' })),
])

// Doctors gave treatment A to the harder cases: the size of the stone acts on the choice as well as on the outcome.
const model = causalModel('size -> treatment -> outcome; size -> outcome', { data: patients })
const answer = model.ask('P(outcome=well | do(treatment))')

console.log(answer.formula.text)
for (const { set, seeing, doing } of answer.numbers.rows)
  console.log(`treatment ${set.treatment}: ${percent(seeing[0])} of those who had it got well; ${percent(doing[0])} would if all had it`)
console.log(answer.words)

// Without the size of the stones, no number of patients would answer the question.
const blind = causalModel('size -> treatment -> outcome; size -> outcome', { data: patients, hidden: ['size'] })
console.log(blind.ask('P(outcome=well | do(treatment))').words)

function percent(p) {
  return `${(100 * p).toFixed(1)} %`
}
