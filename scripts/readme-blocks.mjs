import { readFileSync } from 'node:fs'

/** The fenced blocks of README.md in one language, with the section each stands in. */
export function readmeBlocks(language) {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  return readme.split(/^## /m).flatMap(section => {
    const heading = section.slice(0, section.indexOf('\n'))
    return [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => ({ heading, code }))
  })
}
