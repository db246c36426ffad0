import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { randomNetwork } from '../../../test/random-networks.ts'
import { type DiscreteNetworkDescription, isHenceError } from '../../core/index.ts'
import { detectFormat, openNetwork, readUaiEvidence, writeBif, writeNetworkJson } from '../index.ts'
import { parseDecimal } from './parse-decimal.ts'
import { readBif } from './read-bif.ts'
import { readUai } from './read-uai.ts'
import { readXdsl } from './read-xdsl.ts'
import { readXmlBif } from './read-xmlbif.ts'

const folder = mkdtempSync(join(tmpdir(), 'hence-networks-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The dog problem (Charniak 1991) in every format: P(dog-out | bowel-problem, family-out). */
const bif = `network "Dog Problem" { property author "Fabio; Cozman"; }
// a comment
variable bowel { type discrete [ 2 ] { true, false }; property "of no use"; }
variable family { type discrete[2] { true false }; }
variable "dog out" { type discrete [2] { true, false }; }
probability ( bowel ) { table 0.01, 0.99; }
probability ( family ) { table 0.15 0.85; }
/* another
   comment */
probability ( "dog out" | bowel, family ) {
  (true, true) 0.99, 0.01;
  (false, true) .9, 0.1;
  default 0.3, 0.7;
  (true, false) 9.7e-1, 3E-2;
}
`
const dogOut = [0.99, 0.01, 0.97, 0.03, 0.9, 0.1, 0.3, 0.7]
const xmlbif = `<?xml version="1.0"?>
<!DOCTYPE BIF [ <!ELEMENT BIF ( NETWORK )*> <!ATTLIST BIF VERSION CDATA #REQUIRED> ]>
<BIF VERSION="0.3"><NETWORK><NAME>Dog &amp; Problem</NAME>
<VARIABLE TYPE="nature"><NAME>bowel</NAME><OUTCOME>true</OUTCOME><OUTCOME>false</OUTCOME><PROPERTY>x = 1</PROPERTY></VARIABLE>
<VARIABLE TYPE="nature"><NAME>family</NAME><OUTCOME>true</OUTCOME><OUTCOME>false</OUTCOME></VARIABLE>
<VARIABLE TYPE="nature"><NAME>dog out</NAME><OUTCOME>true</OUTCOME><OUTCOME>false</OUTCOME></VARIABLE>
<DEFINITION><FOR>bowel</FOR><TABLE>0.01 0.99</TABLE></DEFINITION>
<DEFINITION><FOR>family</FOR><TABLE>0.15 <!-- mostly at home --> 0.85</TABLE></DEFINITION>
<DEFINITION><FOR>dog out</FOR><GIVEN>bowel</GIVEN><GIVEN>family</GIVEN><TABLE>0.99 0.01 0.97 0.03 0.9 0.1 0.3 0.7</TABLE></DEFINITION>
</NETWORK></BIF>`
const uai = `BAYES 3 2 2 2
3
1 0
1 1
3 0 1 2
2 0.01 0.99
2 0.15 0.85
8 0.99 0.01 0.97 0.03 0.9 0.1 0.3 0.7
`
const xdsl = `<?xml version="1.0" encoding="ISO-8859-1"?>
<smile version="1.0" id="Dog" numsamples="1000"><nodes>
<cpt id="bowel"><state id="true"/><state id="false"/><probabilities>0.01 0.99</probabilities></cpt>
<cpt id="family"><state id="true"/><state id="false"/><probabilities>0.15 0.85</probabilities></cpt>
<cpt id="out"><state id="true"/><state id="false"/><parents>bowel family</parents><probabilities>0.99 0.01 0.97 0.03 0.9 0.1 0.3 0.7</probabilities></cpt>
<deterministic id="copy"><state id="a"/><state id="b"/><parents>out</parents><resultingstates>b a</resultingstates></deterministic>
<noisymax id="bark"><state id="yes"/><state id="no"/><parents>out bowel</parents><strengths>0 1 1 0</strengths>
<parameters>0.7 0.3 0 1 0.2 0.8 0 1 0.05 0.95</parameters></noisymax>
</nodes><extensions/></smile>`

const tablesOf = ({ variables }: DiscreteNetworkDescription): number[][] => variables.map(({ table }) => Array.from(table!))

describe('each format', () => {
  const tables = [[0.01, 0.99], [0.15, 0.85], dogOut]

  test('BIF', () => {
    const network = readBif(bif, 'dog.bif')
    expect(network.name).toBe('Dog Problem')
    expect(network.variables.map(({ name, states, parents }) => [name, states, parents])).toEqual([
      ['bowel', ['true', 'false'], []],
      ['family', ['true', 'false'], []],
      ['dog out', ['true', 'false'], ['bowel', 'family']],
    ])
    expect(tablesOf(network)).toEqual(tables)
  })

  test('a BIF table lists the own state slowest, or fastest where that alone makes sense', () => {
    const withTable = (table: string): number[] => tablesOf(readBif(bif.replace(/\(true, true\)[^}]*/, `table ${table};\n`), 'dog.bif'))[2]!
    expect(withTable('0.99 0.97 0.9 0.3 0.01 0.03 0.1 0.7')).toEqual(dogOut)
    expect(withTable(dogOut.join(' '))).toEqual(dogOut)
  })

  test('XMLBIF', () => {
    const network = readXmlBif(xmlbif, 'dog.xmlbif')
    expect(network.name).toBe('Dog & Problem')
    expect(tablesOf(network)).toEqual(tables)
    expect(network.variables[2]).toMatchObject({ name: 'dog out', parents: ['bowel', 'family'] })
    const turned = xmlbif.replace('0.99 0.01 0.97 0.03 0.9 0.1 0.3 0.7', '0.99 0.97 0.9 0.3 0.01 0.03 0.1 0.7')
    expect(tablesOf(readXmlBif(turned, 'dog.xmlbif'))).toEqual(tables)
    expect(() => readXmlBif(xmlbif.replace('"nature"', '"decision"'), 'dog.xmlbif')).toThrow('bowel is a decision node')
  })

  test('UAI, with evidence', () => {
    const network = readUai(uai, 'dog.uai')
    expect(tablesOf(network)).toEqual(tables)
    expect(network.variables[2]).toMatchObject({ name: 'v2', states: ['0', '1'], parents: ['v0', 'v1'] })
    expect(readUaiEvidence('2 0 1 2 0', 'dog.evid')).toEqual({ v0: 1, v2: 0 })
    expect(readUaiEvidence('1\n1 2 1\n', 'dog.evid')).toEqual({ v2: 1 })
    expect(readUaiEvidence('0', 'dog.evid')).toEqual({})
    expect(() => readUaiEvidence('3 0 1', 'dog.evid')).toThrow('expected a number of findings')
    expect(() => readUaiEvidence('', 'dog.evid')).toThrow('expected a number of findings')
    expect(() => readUai(uai.replace('BAYES', 'MARKOV'), 'dog.uai')).toThrow('is a Markov network')
  })

  test('XDSL', () => {
    const { variables } = readXdsl(xdsl, 'dog.xdsl')
    expect(Array.from(variables[2]!.table!)).toEqual(dogOut)
    expect(Array.from(variables[3]!.table!)).toEqual([0, 1, 1, 0])
    // Strengths give the order of a parent's states: those of bowel are turned.
    expect(variables[4]!.noisyMax!.tables.map(table => Array.from(table))).toEqual([
      [0.7, 0.3, 0, 1],
      [0, 1, 0.2, 0.8],
    ])
    expect(Array.from(variables[4]!.noisyMax!.leak!)).toEqual([0.05, 0.95])
    expect(() => readXdsl(xdsl.replaceAll('deterministic', 'utility'), 'dog.xdsl')).toThrow('copy is a utility node')
  })

  test('told apart by content, also packed', async () => {
    const network = readBif(bif, 'dog.bif')
    const files = { bif, xmlbif, uai, xdsl, json: writeNetworkJson(network) }
    for (const [format, text] of Object.entries(files)) {
      for (const [name, bytes] of [
        ['plain', Buffer.from(text)],
        ['packed.gz', gzipSync(text)],
      ] as const) {
        const path = join(folder, `${format}-${name}`)
        writeFileSync(path, bytes)
        expect(await detectFormat(path)).toEqual({ kind: 'network', path })
        expect((await openNetwork(path)).format).toBe(format)
      }
    }
    writeFileSync(join(folder, 'other.gz'), gzipSync('something else'))
    await expect(detectFormat(join(folder, 'other.gz'))).rejects.toThrow('gzip archive')
  })
})

test('what is written is read again, all digits kept', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 7 }), (seed, variables) => {
      const network = randomNetwork({ seed, variables, zeros: 0.2 })
      const plain = ({ variables: list }: DiscreteNetworkDescription) =>
        list.map(({ name, states, parents, table }) => ({ name, states, parents, table: Array.from(table!) }))
      expect(plain(readBif(writeBif(network), 'x.bif'))).toEqual(plain(network))
    }),
  )
})

test('numbers are the same as those of the language', () => {
  const decimal = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.tuple(fc.nat(), fc.stringMatching(/^[0-9]{0,22}$/)).map(([whole, digits]) => `${whole}.${digits}`),
    fc.stringMatching(/^[-+]?[0-9]{0,20}\.?[0-9]{0,25}([eE][-+]?[0-9]{1,3})?$/),
  )
  fc.assert(
    fc.property(decimal, text => {
      const isNumber = /\d/.test(text.replace(/e.*/i, ''))
      expect(parseDecimal(`x${text}`, 1, 1 + text.length)).toBe(isNumber ? Number(text) : Number.NaN)
    }),
    { numRuns: 2000 },
  )
  for (const text of ['', '.', '-', '1e', '0x10', 'Infinity', '1.2.3', '1_0']) expect(parseDecimal(text, 0, text.length)).toBeNaN()
})

describe('damaged and hostile files', () => {
  const mistakes: readonly (readonly [name: string, from: string | RegExp, to: string, message: string | RegExp])[] = [
    ['unknown parent', '| bowel,', '| bowle,', '"bowle" is no variable of the file; did you mean bowel?'],
    ['unknown state', '(true, true)', '(true, tru)', 'family has no state "tru"; did you mean true?'],
    ['missing numbers', '0.99, 0.01;', '0.99;', 'expected probability 2 of 2 of dog out'],
    ['too many numbers', '0.99, 0.01;', '0.99, 0.01, 0;', 'expected ";" after 2 probabilities of dog out'],
    ['missing rows', 'default 0.3, 0.7;', '', 'dog out has 3 of 4 rows and no default, for one (false, false)'],
    ['a row twice', '(false, true)', '(true, true)', 'a row of dog out is given twice'],
    ['a wrong count of states', '[ 2 ]', '[ 3 ]', 'bowel has 2 states instead of 3'],
    ['a block twice', 'probability ( family )', 'probability ( bowel )', 'bowel has two probability blocks'],
    ['no block', /probability \( family \)[^}]*}/, '', 'the variable family has no probability block'],
    ['not discrete', 'discrete [ 2 ]', 'continuous', 'the variable bowel is not discrete'],
    ['an open comment', '*/', '', 'a comment does not end'],
    ['an open quote', 'probability ( "dog out"', 'probability ( "dog out', 'has no'],
  ]
  test.each(mistakes)('BIF: %s', (_, from, to, message) => {
    const text = bif.replace(from, to)
    expect(text).not.toBe(bif)
    if (message === 'has no') expect(() => readBif(text, 'dog.bif')).toThrow()
    else expect(() => readBif(text, 'dog.bif')).toThrow(message)
  })

  test('the place of a mistake is named', () => {
    expect(() => readBif('network x {\n}\nvariable a { type discrete [1] { s }; }\nprobabilty ( a ) { table 1; }', 'x.bif')).toThrow(
      'x.bif: line 4, column 1: expected "network", "variable" or "probability", found "probabilty ( a )"',
    )
  })

  test('sizes that the file cannot account for', () => {
    const states = Array.from({ length: 60 }, (_, i) => `s${i}`)
    const names = ['a', 'b', 'c', 'd', 'e']
    const declared = names.map(name => `variable ${name} { type discrete [ 60 ] { ${states.join(', ')} }; }\n`).join('')
    const text = `${declared}probability ( a | b, c, d, e ) { default ${states.map(() => '0.01').join(', ')}; }`
    expect(() => readBif(text, 'x.bif')).toThrow(expect.objectContaining({ code: 'FILE_LIMIT' }))
    expect(() => readUai('BAYES 100000 2 2', 'x.uai')).toThrow('100000 entries do not fit into the rest of the file')
    expect(() => readUai('BAYES 2 1000 1000 2 1 0 2 0 1 1000 0.1', 'x.uai')).toThrow('1000 entries do not fit')
    const deep = '<BIF>'.repeat(100)
    expect(() => readXmlBif(deep, 'x.xml')).toThrow(expect.objectContaining({ code: 'FILE_LIMIT' }))
    // Entities are not expanded.
    const lol = '<!DOCTYPE BIF [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><BIF><NETWORK><NAME>&b;</NAME></NETWORK></BIF>'
    expect(readXmlBif(lol, 'x.xml').name).toBe('&b;')
  })

  test('cut off, changed and random files give an error or a network, nothing else', () => {
    const readers = [
      [bif, readBif],
      [xmlbif, readXmlBif],
      [uai, readUai],
      [xdsl, readXdsl],
    ] as const
    fc.assert(
      fc.property(fc.nat(3), fc.nat(), fc.nat(), fc.string({ maxLength: 4 }), (which, from, length, inserted) => {
        const [text, read] = readers[which]!
        const begin = from % text.length
        const damaged = text.slice(0, begin) + inserted + text.slice(begin + (length % 12))
        for (const candidate of [damaged, text.slice(0, begin)]) {
          try {
            read(candidate, 'file')
          } catch (error) {
            if (!isHenceError(error)) throw error
            expect(['FILE_MALFORMED', 'FILE_LIMIT', 'FORMAT_UNSUPPORTED']).toContain(error.code)
          }
        }
      }),
      { numRuns: 600 },
    )
  })

  test('damaged gzip', async () => {
    const packed = gzipSync(bif)
    const path = join(folder, 'damaged.bif.gz')
    writeFileSync(path, packed.subarray(0, packed.length - 20))
    await expect(openNetwork(path)).rejects.toThrow(expect.objectContaining({ code: 'FILE_MALFORMED' }))
  })
})
