/**
 * Bundles src/ into a few JavaScript files: `import 'hence'` opens five files instead of seven hundred. Every layer keeps
 * its own entry (`<out>/<layer>/index.js`), beside the library and the command; what they share lies in `<out>/chunks/`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const [root, out] = process.argv.slice(2)
const source = join(root, 'src')
const layers = readdirSync(source).filter(name => existsSync(join(source, name, 'index.ts')))
const entries = {
  index: 'index.ts',
  'cli/main': 'cli/main.ts',
  ...Object.fromEntries(layers.map(name => [`${name}/index`, `${name}/index.ts`])),
}
const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const packages = Object.keys({ ...dependencies, ...peerDependencies })

const bundle = await rolldown({
  input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(source, path)])),
  platform: 'node',
  external: name => packages.some(known => name === known || name.startsWith(`${known}/`)),
  transform: { target: 'node20' },
})
await bundle.write({ dir: out, format: 'esm', chunkFileNames: 'chunks/[name].js' })
await bundle.close()
