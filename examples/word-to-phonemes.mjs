// How a word sounds: a recurrent encoder reads its letters, a recurrent decoder names phonemes until it says it is done.
// Both are written in TypeScript over the weights of g2p_en; the loop around the decoder is plain code.
//   node examples/word-to-phonemes.mjs WEIGHTS.npz WORD…
import { network, readTensors, tensor } from 'hence'

const [weightsPath, ...words] = process.argv.slice(2)
if (!weightsPath || words.length === 0) {
  console.error('usage: node examples/word-to-phonemes.mjs WEIGHTS.npz WORD…')
  process.exit(2)
}
const LETTERS = ['<pad>', '<unknown>', '<end>', ...'abcdefghijklmnopqrstuvwxyz']
const VOWELS = ['AA', 'AE', 'AH', 'AO', 'AW', 'AY', 'EH', 'ER', 'EY', 'IH', 'IY', 'OW', 'OY', 'UH', 'UW']
const CONSONANTS = 'B CH D DH F G HH JH K L M N NG P R S SH T TH UW V W Y Z ZH'.split(' ')
const SOUNDS = [...VOWELS.flatMap(vowel => ['0', '1', '2'].map(stress => vowel + stress)), ...CONSONANTS].sort()
const PHONEMES = ['<pad>', '<unknown>', '<begin>', '<end>', ...SOUNDS]
const HIDDEN = 256
const MOST_PHONEMES = 20

const weights = await readTensors(weightsPath)
const recurrent = part => ({
  input: weights.get(`${part}_w_ih`),
  hidden: weights.get(`${part}_w_hh`),
  inputBias: weights.get(`${part}_b_ih`),
  hiddenBias: weights.get(`${part}_b_hh`),
})

const encoder = network('letters')
const letters = encoder.input('letters', 'i64', ['time', 1])
encoder.output('state', encoder.gru(encoder.embedding(letters, weights.get('enc_emb')), recurrent('enc')).state)

const step = network('next phoneme')
const last = step.input('last', 'i64', [1, 1])
const before = step.input('before', 'f32', [1, HIDDEN])
const { state } = step.gru(step.embedding(last, weights.get('dec_emb')), recurrent('dec'), before)
step.output('next', step.argMax(step.linear(state, weights.get('fc_w'), weights.get('fc_b'))))
step.output('state', state)

const [read, speak] = await Promise.all([encoder.load(), step.load()])
for (const word of words) {
  const ids = [...word.toLowerCase(), '<end>'].map(letter => BigInt(Math.max(LETTERS.indexOf(letter), 1)))
  let { state } = await read.run({ letters: tensor('i64', [ids.length, 1], BigInt64Array.from(ids)) })
  let last = BigInt(PHONEMES.indexOf('<begin>'))
  const sounds = []
  while (sounds.length < MOST_PHONEMES) {
    const result = await speak.run({ last: tensor('i64', [1, 1], BigInt64Array.of(last)), before: state })
    state = result.state
    last = result.next.data[0]
    if (PHONEMES[Number(last)] === '<end>') break
    sounds.push(PHONEMES[Number(last)])
  }
  console.log(`${word}: ${sounds.join(' ')}`)
}
read.dispose()
speak.dispose()
