/** Runs tokenizer.bench.ts without a build: `npm run bench:tokenizer`. */
import { register } from 'node:module'

register('../scripts/typescript-hooks.mjs', import.meta.url)
await import('./tokenizer.bench.ts')
