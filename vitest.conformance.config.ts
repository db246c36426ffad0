import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { projectsOf } from './test/projects.ts'
import { reporting } from './test/reporting.ts'

/** `npm run conformance`: the engine against outside references, on every backend. The contract is part of `npm test`. */
export default defineConfig({
  test: {
    projects: projectsOf([join('test', 'conformance')], () => true, 600_000),
    globalSetup: './test/testdata-root.ts',
    // One worker fewer, the default, leaves half of a small machine idle.
    maxWorkers: '100%',
    ...reporting,
  },
})
