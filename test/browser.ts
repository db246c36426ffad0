import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** A Chromium on this machine: `HENCE_CHROMIUM`, else where systems have one. */
export const chromiumPath: string | undefined = [process.env['HENCE_CHROMIUM'], ...PLACES].find(path => path && existsSync(path))

/** Opens a browser without a window. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
}
