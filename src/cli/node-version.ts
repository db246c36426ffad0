/** The oldest Node that Hence runs on, as `engines` in package.json says. */
const OLDEST = [20, 19] as const

/** Why this version of Node cannot run Hence, and what to do; undefined where it can. Imports nothing: it runs on any Node. */
export function nodeProblem(version: string): { readonly problem: string; readonly fix: string } | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined
  return {
    problem: `Hence needs Node ${OLDEST.join('.')} or newer, and this is ${version}`,
    fix: 'get a newer one from https://nodejs.org, or with nvm: nvm install --lts',
  }
}
