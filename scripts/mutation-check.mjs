/**
 * Breaks kernels on purpose and expects the contract suite to notice each time.
 *
 *   node scripts/mutation-check.mjs [NAME…]
 *
 * A mutation changes one line of a copy of native/; only the groups of kernels that see it are compiled again, for the
 * baseline alone (all instruction sets come from the same sources), linked with the objects of the last build, and held to
 * the cases that should fail.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LINK_FLAGS } from './native-targets.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'build', 'mutation')
const BASELINE = process.arch === 'arm64' ? 'neon' : 'baseline'

/** `cases` is a pattern of contract cases of which at least one must fail once `find` has become `replace`. */
const MUTATIONS = [
  { name: 'norm adds too large an epsilon', file: 'kernels/norm.h', find: '+ a.epsilon', replace: '+ 0.001f', cases: 'norm layer' },
  {
    name: 'norm drops the last lanes',
    file: 'kernels/norm.h',
    find: 'if (int n = int(a.width - i))',
    replace: 'if (int n = int(a.width - i) & ~7)',
    cases: 'norm',
  },
  {
    name: 'rotation turns the wrong way',
    file: 'kernels/rope.h',
    find: 'fma(x, cos, negate(y * sin))',
    replace: 'fma(x, cos, y * sin)',
    cases: 'rope',
  },
  {
    name: 'a query sees one key less than its window has',
    file: 'kernels/ragged-attention.h',
    find: 'p - a.window, end',
    replace: 'p - a.window + 1, end',
    cases: 'ragged attention',
  },
  {
    name: 'a relative bias is that of the key before',
    file: 'kernels/ragged-attention.h',
    find: 'scores[j] += of[j]',
    replace: 'scores[j] += of[j > near ? j - 1 : j]',
    cases: 'ragged attention',
  },
  {
    name: 'a query does not see what comes after it',
    file: 'kernels/attention.h',
    find: 'return a.causal ? position + 1 : a.contextLengths[sequence];',
    replace: '(void)sequence; return position + 1;',
    cases: 'attention both directions',
  },
  {
    name: 'a bias of distances is that of the distance before',
    file: 'kernels/attention-tile.h',
    find: 'scores[i] += bias.zero[shift + i];',
    replace: 'scores[i] += bias.zero[shift + i - 1 + (shift + i == -bias.reach)];',
    cases: 'attention relative bias',
  },
  {
    name: 'softmax divides by too little',
    file: 'kernels/softmax.h',
    find: 'sum = sum + e;\n    }\n    if (rest)',
    replace: 'sum = e;\n    }\n    if (rest)',
    cases: 'softmax',
  },
  {
    name: 'a transposed convolution begins at the wrong pixel',
    file: 'kernels/conv-transpose.h',
    find: 'pad - last * dilation) / stride',
    replace: 'pad) / stride',
    cases: 'transposed conv',
  },
  {
    name: 'a resized line is taken for the one before',
    file: 'kernels/resize.h',
    find: 'if (from == before)',
    replace: 'if (before >= 0)',
    cases: 'resize',
  },
  {
    name: 'group norm leaves out epsilon',
    file: 'kernels/group-norm.h',
    find: 'distances / count + double(a.epsilon)',
    replace: 'distances / count',
    cases: 'group norm',
  },
  {
    name: 'of equal numbers the last is the extreme',
    file: 'kernels/select.h',
    find: 'at = a.last ?',
    replace: 'at = !a.last ?',
    cases: 'extreme',
  },
  {
    name: 'a number that belongs to the best is passed over',
    file: 'kernels/select.h',
    find: 'for (; i < a.width; i++)\n    if (const uint64_t key',
    replace: 'for (; i + 1 < a.width; i++)\n    if (const uint64_t key',
    cases: 'top ',
  },
  {
    name: 'running sums hold their own number',
    file: 'kernels/cumulative.h',
    find: 'a.exclusive ? sums[c] : next',
    replace: 'next',
    cases: 'running sums',
  },
  {
    name: "keys go to the neighbour's place",
    file: 'kernels/kv-write.h',
    find: '* kKvBlockTokens + place]',
    replace: '* kKvBlockTokens + (place ^ 1)]',
    cases: 'attention',
  },
  {
    name: 'bytes of a head have the scale of the token beside',
    file: 'kernels/kv-write.h',
    find: 'stretch + place * sizeof(float)',
    replace: 'stretch + (place ^ 1) * sizeof(float)',
    cases: 'attention .*, i8',
  },
  {
    name: 'bytes are cut off instead of rounded',
    file: 'kernels/kv-write.h',
    find: 'toInt(loadPartial(x + d, n) / set1(scale))',
    replace: 'toInt(floor(loadPartial(x + d, n) / set1(scale)))',
    cases: 'attention .*, i8',
  },
  {
    name: 'bytes of keys and values are taken for numbers',
    file: 'kernels/attention-tile.h',
    find: 'store(at, load(at) * scales)',
    replace: 'store(at, load(at) + zero() * scales)',
    cases: 'attention .*, i8',
  },
  {
    name: 'a window is one key too wide',
    file: 'kernels/attention.h',
    find: 'position - a.window + 1 : 0',
    replace: 'position - a.window : 0',
    cases: 'attention window',
  },
  {
    name: 'a map mixes up its operands',
    file: 'kernels/map.h',
    find: 'HENCE_BINARY(Sub, x - y);',
    replace: 'HENCE_BINARY(Sub, y - x);',
    cases: 'map',
  },
  {
    name: 'a residual is forgotten',
    file: 'kernels/matmul-epilogue.h',
    find: 'if (out.residual && !out.finish.residualFirst) addResidual();',
    replace: 'if (out.residual && !out.finish.residualFirst && row < 0) addResidual();',
    cases: 'residual',
  },
  {
    name: 'a bias is forgotten past the first panel',
    file: 'kernels/matmul-epilogue.h',
    find: 'if (out.bias) sum',
    replace: 'if (out.bias && column == 0) sum',
    cases: 'biases|bias',
  },
  {
    name: 'sums of activations lose their sign',
    file: 'kernels/matmul-few-panel.h',
    find: 'zero > 0 ? minusSum[r] : -minusSum[r]',
    replace: '-minusSum[r]',
    cases: 'matmul (q4_0|q8_0|q6_k)',
  },
  {
    name: 'sums of bytes forget the zero points of weights',
    file: 'kernels/bytes-finish.h',
    find: 'if (s.rowSums) sum =',
    replace: 'if (s.rowSums && row < 0) sum =',
    cases: 'quantised_matmul',
  },
  {
    name: 'pixels beyond an image of bytes are 0',
    file: 'kernels/quantised-conv.h',
    find: 'return grid.zero ? uint8_t',
    replace: 'return grid.manyZeros ? uint8_t',
    cases: 'quantised_conv',
  },
  {
    name: 'experts all have the weights of the first',
    file: 'kernels/grouped-matmul.h',
    find: 'a.w[i].data += size_t(expert *',
    replace: 'a.w[i].data += size_t(0 *',
    cases: 'grouped matmul',
  },
  {
    name: 'rows of experts meet the biases of the first',
    file: 'kernels/grouped-matmul.h',
    find: 'a.bias[i] += int64_t(expert)',
    replace: 'a.bias[i] += int64_t(0)',
    cases: 'grouped matmul',
  },
  {
    name: 'quantised rows of experts lie on each other',
    file: 'kernels/grouped-matmul.h',
    find: 'before += walk.isIncluded(e) ? quantised.chunk(e) : 0;',
    replace: 'before += 0;',
    cases: 'grouped matmul q4_0',
  },
  {
    name: 'among equal logits the higher expert wins',
    file: 'kernels/route.h',
    find: 'at > 0 && v > weights[at - 1]',
    replace: 'at > 0 && v >= weights[at - 1]',
    cases: 'route',
  },
  {
    name: 'rows of experts are not weighed',
    file: 'kernels/route.h',
    find: 'set1(a.weights[i])',
    replace: 'set1(1.0f)',
    cases: 'scatter_add',
  },
  {
    name: 'a new sequence begins with the state of another',
    file: 'kernels/recurrent-state.h',
    find: 'a.contextLengths[s] == end - begin',
    replace: 'a.contextLengths[s] < 0',
    cases: 'selective_scan|causal_conv|recurrent state',
  },
  {
    name: 'a selective scan forgets the gate',
    file: 'kernels/recurrent-state.h',
    find: 'if (a.gate) y =',
    replace: 'if (false) y =',
    cases: 'selective_scan',
  },
  {
    name: 'a short convolution keeps one input too old',
    file: 'kernels/recurrent-state.h',
    find: 'load(inputs + (j + 1) * kLanes));\n    };',
    replace: 'load(inputs + j * kLanes));\n    };',
    cases: 'causal_conv',
  },
]

const commands = JSON.parse(readFileSync(join(root, 'build', 'compile_commands.json'), 'utf8'))
const groups = commands.filter(({ output }) => basename(output).startsWith(`${BASELINE}-`))

// Tests that fail here are the point of it, so they stay out of the report of a run around this one.
const { HENCE_TEST_REPORT: _, ...environment } = process.env

function run([program, ...args], env = {}) {
  return spawnSync(program, args, { cwd: root, env: { ...environment, ...env }, encoding: 'utf8' })
}

function build(command) {
  const { status, stderr } = run(command)
  if (status !== 0) throw new Error(`${basename(command.at(-1))}: ${stderr}`)
}

/** Whether a group includes a file of native/. */
function sees({ arguments: words }, file) {
  const withoutOutput = words.filter((word, i) => word !== '-o' && words[i - 1] !== '-o' && word !== '-c')
  const { status, stdout, stderr } = run([...withoutOutput, '-MM'])
  if (status !== 0) throw new Error(stderr)
  return stdout.split(/[\s\\]+/).some(path => join(path) === join(root, 'native', file))
}

/** Builds the addon with one mutation (or none) and says whether the cases pass on it. */
function passes(mutation, cases) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'native'), join(folder, 'native'), { recursive: true })
  if (mutation) {
    const path = join(folder, 'native', mutation.file)
    const text = readFileSync(path, 'utf8')
    if (!text.includes(mutation.find))
      throw new Error(`${mutation.name}: ${mutation.file} has no "${mutation.find}"; keep the list in step with the kernels`)
    writeFileSync(path, text.replace(mutation.find, mutation.replace))
  }
  const objects = new Map(commands.map(({ output }) => [output, output]))
  for (const group of mutation ? groups.filter(each => sees(each, mutation.file)) : []) {
    const object = join(folder, basename(group.output))
    objects.set(group.output, object)
    build(
      group.arguments.map(word =>
        word === group.output ? object : word === '-O3' ? '-O1' : word.replace(join(root, 'native'), join(folder, 'native')),
      ),
    )
  }
  const addon = join(folder, 'mutated.node')
  build([groups[0].arguments[0], ...LINK_FLAGS[process.platform], ...objects.values(), '-o', addon])
  const vitest = [process.execPath, join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/contract', '-t', cases]
  return run(vitest, { HENCE_NATIVE: addon, HENCE_TEST_BACKENDS: BASELINE }).status === 0
}

const wanted = process.argv.slice(2)
const chosen = MUTATIONS.filter(({ name }) => wanted.length === 0 || wanted.some(part => name.includes(part)))
let failed = 0
if (!passes(undefined, chosen.map(({ cases }) => cases).join('|'))) {
  console.log('✗ the unbroken kernels fail')
  failed++
}
for (const mutation of chosen) {
  const isCaught = !passes(mutation, mutation.cases)
  console.log(`${isCaught ? '✓' : '✗'} ${mutation.name}${isCaught ? '' : ': no test noticed'}`)
  if (!isCaught) failed++
}
console.log(`${chosen.length + 1 - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
