#!/usr/bin/env node
import { nodeProblem } from './node-version.ts'

const tooOld = nodeProblem(process.versions.node)
if (tooOld) {
  process.stderr.write(`hence: ${tooOld.problem}\nhint: ${tooOld.fix}\n`)
  process.exitCode = 1
} else {
  // Loaded only now: an old Node would stumble over it before it could say why.
  const [{ runCommandLine }, { processIo }] = await Promise.all([import('./command-line.ts'), import('./io.ts')])
  process.exitCode = await runCommandLine(process.argv.slice(2), processIo())
}
