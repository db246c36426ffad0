import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { projectsOf } from './test/projects.ts'
import { reporting } from './test/reporting.ts'

const CONFORMANCE = join('test', 'conformance')

/** `npm test`: everything except the long conformance suites. */
export default defineConfig({
  test: {
    projects: projectsOf(['src', 'test'], file => !file.startsWith(CONFORMANCE), 60_000),
    globalSetup: './test/testdata-root.ts',
    // One worker fewer, the default, leaves half of a small machine idle.
    maxWorkers: '100%',
    ...reporting,
  },
})
