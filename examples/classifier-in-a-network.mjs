// An image classifier inside a network: an x-ray and a fever, at a clinic where pneumonia is rare.
//   node examples/classifier-in-a-network.mjs
// The classifier's probabilities hold where it was trained: in an archive in which 40 of 100 pictures showed pneumonia. Here 1
// patient of 100 has it. softEvidence() divides the archive's frequencies out, which leaves what the picture itself says.
import { BayesNet, softEvidence } from 'hence'

const states = ['yes', 'no']
const net = BayesNet.from({
  name: 'clinic',
  variables: [
    { name: 'pneumonia', states, table: [0.01, 0.99] },
    { name: 'fever', states, parents: ['pneumonia'], table: [0.85, 0.15, 0.1, 0.9] },
  ],
})

/** What the classifier said about one picture, and how often each class was among the pictures it was trained on. */
const logits = [1.9, 0.2]
const archive = [0.4, 0.6]
const [believed] = softmax(logits)
const picture = softEvidence(logits, archive)

const ask = given => net.query('pneumonia', { given }).pneumonia[0]
console.log(`the classifier says pneumonia with ${percent(believed)}`)
console.log(`by the picture it is ${(picture[0] / picture[1]).toFixed(2)} times as likely as without it`)
console.log(`in this clinic: ${percent(ask({}))} before, ${percent(ask({ pneumonia: picture }))} with the picture`)
console.log(`with the picture and a fever: ${percent(ask({ pneumonia: picture, fever: 'yes' }))}`)

// The two mistakes this prevents.
console.log(`mistake: the classifier's word as it is, ${percent(believed)}, forgets how rare pneumonia is here`)
const doubled = ask({ pneumonia: softmax(logits) })
console.log(
  `mistake: its probabilities as a likelihood, ${percent(doubled)}, count the archive's frequencies as if the picture showed them`,
)

function softmax(values) {
  const most = Math.max(...values)
  const powers = values.map(value => Math.exp(value - most))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map(power => power / sum)
}

function percent(p) {
  return `${(100 * p).toFixed(1)} %`
}
