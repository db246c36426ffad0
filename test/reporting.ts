/** With `HENCE_TEST_REPORT=file.json` a run also writes its results there, for `.ci/run` to add up. */
const reportFile = process.env['HENCE_TEST_REPORT']

/** Reporter options shared by the vitest configurations. */
export const reporting: { reporters?: ['default', 'json']; outputFile?: { json: string } } =
  reportFile === undefined ? {} : { reporters: ['default', 'json'], outputFile: { json: reportFile } }
