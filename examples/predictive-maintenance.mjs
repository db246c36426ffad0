// Predictive maintenance with noisy-OR: a pump vibrates and runs hot. Each fault alone causes a symptom with a known
// probability, whatever the others do, so a table of 2⁴ rows becomes four numbers and a leak. Which fault to repair first?
//   node examples/predictive-maintenance.mjs
import { BayesNet } from 'hence'

const states = ['yes', 'no']
const FAULTS = {
  'worn bearing': { rate: 0.02, cost: 400 },
  cavitation: { rate: 0.03, cost: 150 },
  'shaft out of line': { rate: 0.01, cost: 300 },
  'clogged filter': { rate: 0.05, cost: 30 },
}
/** How often a fault alone shows as a symptom, and how often the symptom comes from something else. */
const SYMPTOMS = {
  vibration: { causes: { 'worn bearing': 0.8, cavitation: 0.7, 'shaft out of line': 0.9 }, leak: 0.01 },
  overheating: { causes: { 'worn bearing': 0.6, 'clogged filter': 0.5 }, leak: 0.005 },
  'low pressure': { causes: { cavitation: 0.85, 'clogged filter': 0.75 }, leak: 0.02 },
}
const DOWNTIME = 5000

const net = BayesNet.from({
  name: 'pump',
  variables: [
    ...Object.entries(FAULTS).map(([name, { rate }]) => ({ name, states, table: [rate, 1 - rate] })),
    ...Object.entries(SYMPTOMS).map(([name, { causes, leak }]) => ({
      name,
      states,
      parents: Object.keys(causes),
      noisyMax: { tables: Object.values(causes).map(p => [p, 1 - p, 0, 1]), leak: [leak, 1 - leak] },
    })),
  ],
})
const faults = Object.keys(FAULTS)

// Compiled once; findings are set and taken back as the sensors report.
const monitor = net.compile()
const show = when => {
  const posteriors = monitor.posteriors()
  console.log(`${when}: ${faults.map(name => `${name} ${percent(posteriors[name][0])}`).join(', ')}`)
}
show('before anything is seen')
monitor.set({ vibration: 'yes' })
show('it vibrates')
monitor.set({ overheating: 'yes' })
show('and runs hot')
monitor.set({ 'low pressure': 'no' })
show('but the pressure is normal')

// Repair where a unit of cost saves most downtime.
const posteriors = monitor.posteriors()
const ranked = faults
  .map(name => ({ name, saved: posteriors[name][0] * DOWNTIME, cost: FAULTS[name].cost }))
  .sort((a, b) => b.saved / b.cost - a.saved / a.cost)
for (const { name, saved, cost } of ranked) console.log(`  ${name}: saves ${saved.toFixed(0)} for ${cost}`)
console.log(`first: ${ranked[0].name}`)

function percent(p) {
  return `${(100 * p).toFixed(1)} %`
}
