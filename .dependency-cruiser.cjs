/**
 * The layers of src/, checked. The table itself is layers.json: folder -> folders it may import.
 * Tests obey it too, except that a test may reach a file behind another folder's index.
 */
const layers = require('./layers.json')

const tests = '\\.test\\.ts$'

const layerRules = Object.entries(layers).map(([folder, allowed]) => ({
  name: `layer-${folder}`,
  comment: `src/${folder}/ may import ${allowed.join(', ') || 'nothing else'} (layers.json)`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
}))

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...layerRules,
    {
      name: 'layer-unknown',
      comment: 'every folder of src/ stands in layers.json',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(layers).join('|')})/` },
    },
    {
      name: 'only-index-across-folders',
      comment: "import another folder's index.ts, not its files",
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: tests },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'no-orphans',
      comment: 'nothing imports this file and it imports nothing: remove it or use it',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: tests },
      to: {},
    },
    {
      name: 'not-to-tests',
      comment: 'the product does not import tests or development tools',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: '(\\.test\\.ts$|^test/|^bench/|^scripts/|^examples/)' },
    },
    {
      name: 'not-to-dev-dependencies',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
}
