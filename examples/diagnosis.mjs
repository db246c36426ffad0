// Diagnosis with an explanation: what a patient's findings say about three diseases, what each finding contributed, and what
// to ask next.
//   node examples/diagnosis.mjs
// Source of the network: Lauritzen & Spiegelhalter, "Local Computations with Probabilities on Graphical Structures and Their
// Application to Expert Systems", Journal of the Royal Statistical Society B 50 (1988).
import { BayesNet } from 'hence'

const states = ['yes', 'no']
/** P(yes) for each combination of the parents, the state of the first changing slowest, `yes` before `no`. */
const yesNo = (name, parents, ...yes) => ({ name, states, parents, table: yes.flatMap(p => [p, 1 - p]) })

const net = BayesNet.from({
  name: 'chest clinic',
  variables: [
    yesNo('visited Asia', [], 0.01),
    yesNo('smoker', [], 0.5),
    yesNo('tuberculosis', ['visited Asia'], 0.05, 0.01),
    yesNo('lung cancer', ['smoker'], 0.1, 0.01),
    yesNo('bronchitis', ['smoker'], 0.6, 0.3),
    yesNo('tuberculosis or cancer', ['tuberculosis', 'lung cancer'], 1, 1, 1, 0),
    yesNo('abnormal x-ray', ['tuberculosis or cancer'], 0.98, 0.05),
    yesNo('short of breath', ['tuberculosis or cancer', 'bronchitis'], 0.9, 0.7, 0.8, 0.1),
  ],
})
const diseases = ['tuberculosis', 'lung cancer', 'bronchitis']
const given = { 'short of breath': 'yes', 'visited Asia': 'yes', smoker: 'no' }

console.log(
  `findings: ${Object.entries(given)
    .map(finding => finding.join('='))
    .join(', ')}`,
)
const before = net.query(diseases)
const after = net.query(diseases, { given })
for (const name of diseases) console.log(`  ${name}: ${percent(before[name][0])} before, ${percent(after[name][0])} now`)

const { findings } = net.explain('tuberculosis', { given, state: 'yes' })
console.log('what each finding does to tuberculosis=yes:')
for (const { finding, before: without, effect } of findings)
  console.log(`  ${finding}: ${effect < 0 ? '−' : '+'}${percent(Math.abs(effect))}, from ${percent(without)} without it`)

const [best] = net.mostRelevant(diseases, { given, count: 1 })
const cause = Object.entries(best.states)
  .map(pair => pair.join('='))
  .join(', ')
console.log(`the findings are ${best.bayesFactor.toFixed(1)} times as likely with ${cause} as without`)

// The x-ray would settle more than any other test: how would each result move the diseases?
for (const result of states) {
  const then = net.query(diseases, { given: { ...given, 'abnormal x-ray': result } })
  console.log(
    `if the x-ray is ${result === 'yes' ? 'abnormal' : 'normal'}: ${diseases.map(name => `${name} ${percent(then[name][0])}`).join(', ')}`,
  )
}

function percent(p) {
  return `${(100 * p).toFixed(1)} %`
}
