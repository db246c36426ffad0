/**
 * Byte-level BPE of English with the gpt-2 vocabulary, beside @huggingface/tokenizers, on one core.
 *
 * Needs the testdata folder (`HENCE_TESTDATA`, else `../shared/testdata` beside the repository). "Warm" is text whose
 * words were met before, as in a running server; "cold" starts with a new tokenizer and an empty word cache.
 */
import { existsSync } from 'node:fs'
import { Tokenizer as PeerTokenizer } from '@huggingface/tokenizers'
import { bench, do_not_optimize, run, summary } from 'mitata'
import { Rng } from '../src/core/index.ts'
import { tokenizerFromGguf, tokenizerFromJson } from '../src/text/index.ts'
import { ggufMetadata } from '../test/gguf-metadata.ts'
import { testdata } from '../test/testdata.ts'

const WORDS =
  'the of and to in a is that for it was on are as with they be at one have this from by hot but what some there we can out other were all your when up use word how said an each she which do their time if will way about many then them would write like so these her long make thing see him two has look more day could go come did my sound no most number who over know water than call first people may down side been now find any new work part take get place made live where after back little only round man year came show every good me give our under name very through just form much great think say help low line before turn cause same mean differ move right boy old too does tell sentence set three want air well also play small end put home read hand port large spell add even land here must big high such follow act why ask men change went light kind off need house picture try us again animal point mother world near build self earth father head stand own page should country found answer school grow study still learn plant cover food sun four thought let keep eye never last door between city tree cross since hard start might story saw far sea draw left late run while press close night real life few stop open seem together next white children begin got walk example ease paper often always music those both mark book letter until mile river car feet care second group carry took rain eat room friend began idea fish mountain north once base hear horse cut sure watch color face wood main'.split(
    ' ',
  )
const ENDINGS = ['', '', '', '', 's', 'ed', 'ing', 'er', 'ly', "'s", "n't", 'ness', 'ment', 'able', 'wards']
const MARKS = ['. ', ', ', ', ', '; ', ' - ', '? ', '! ', '.\n', '.\n\n', ' (', ') ', ': "', '" ']

/** About `length` characters of text like English: common words often, endings, capitals, marks, numbers, rare names. */
function english(length: number, seed: number): string {
  const rng = new Rng(seed)
  const letters = 'etaoinshrdlucmfwypvbgkjqxz'
  let text = ''
  while (text.length < length) {
    // A square makes the first words of the list the common ones.
    const kind = rng.uniform()
    let word = WORDS[Math.floor(rng.uniform() ** 2 * WORDS.length)]! + ENDINGS[rng.below(ENDINGS.length)]!
    if (kind < 0.04) word = String(rng.below(3000))
    else if (kind < 0.08) word = Array.from({ length: 3 + rng.below(8) }, () => letters[Math.floor(rng.uniform() ** 1.5 * 26)]!).join('')
    if (rng.uniform() < 0.1) word = word[0]!.toUpperCase() + word.slice(1)
    text += word + (rng.uniform() < 0.15 ? MARKS[rng.below(MARKS.length)]! : ' ')
  }
  return text
}

const path = testdata('tokenizers', 'ggml-vocab-gpt-2.gguf')
if (!existsSync(path)) {
  console.error(`no gpt-2 vocabulary at ${path}; set HENCE_TESTDATA to the folder that holds the testdata`)
  process.exit(2)
}
const metadata = ggufMetadata(path)
const text = english(1_000_000, 7)
const megabytes = Buffer.byteLength(text) / 1e6
const ours = tokenizerFromGguf(metadata)

const vocab = Object.fromEntries((metadata.get('tokenizer.ggml.tokens') as string[]).map((token, id) => [token, id]))
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const json = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: 'BPE',
    vocab,
    merges: metadata.get('tokenizer.ggml.merges'),
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
  },
}
const peer = new PeerTokenizer(json, {})
const llama3 = tokenizerFromJson({
  ...json,
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      {
        type: 'Split',
        pattern: {
          Regex:
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        },
        behavior: 'Isolated',
        invert: false,
      },
      { ...byteLevel, use_regex: false },
    ],
  },
})

const ids = ours.encode(text)
const peerText = text.slice(0, 100_000)
const peerIds = peer.encode(peerText).ids
const ourIds = ours.encode(peerText)
const agrees = peerIds.length === ourIds.length && peerIds.every((id: number, i: number) => id === ourIds[i])
console.log(
  `${megabytes.toFixed(2)} MB of text, ${ids.length} tokens, first 100 KB as @huggingface/tokenizers: ${agrees ? 'equal' : 'DIFFERENT'}`,
)

const speeds: { name: string; megabytes: number }[] = []
function measure(name: string, size: number, work: () => unknown): void {
  speeds.push({ name, megabytes: size })
  bench(name, () => do_not_optimize(work()))
}

const phi3Path = testdata('tokenizers', 'ggml-vocab-phi-3.gguf')
const phi3 = existsSync(phi3Path) ? tokenizerFromGguf(ggufMetadata(phi3Path)) : undefined

summary(() => {
  measure('hence, warm, gpt-2 pattern', megabytes, () => ours.encode(text))
  measure('hence, warm, llama-3 pattern', megabytes, () => llama3.encode(text))
  if (phi3) measure('hence, warm, phi-3 SentencePiece', megabytes, () => phi3.encode(text))
  measure('hence, cold, gpt-2 pattern', megabytes, () => tokenizerFromGguf(metadata).encode(text))
  measure('@huggingface/tokenizers, 100 KB', peerText.length / 1e6, () => peer.encode(peerText))
})
measure('hence, decode', megabytes, () => ours.decode(ids))
measure('hence, stream, token by token', megabytes, () => {
  const stream = ours.stream()
  let length = 0
  for (const id of ids) length += stream.push(id).length
  return length + stream.flush().length
})
measure('hence, load', 0, () => tokenizerFromGguf(metadata))

const { benchmarks } = await run()
for (const { name, megabytes: size } of speeds) {
  const median = benchmarks.find(each => each.alias === name)?.runs[0]?.stats?.p50
  if (median !== undefined)
    console.log(`${name.padEnd(34)} ${size > 0 ? `${((size * 1e9) / median).toFixed(2)} MB/s` : `${(median / 1e6).toFixed(1)} ms`}`)
}
