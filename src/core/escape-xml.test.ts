import { expect, test } from 'vitest'
import { escapeXml } from './escape-xml.ts'

test('characters without a place in XML', () => {
  expect(escapeXml('a\u0000<\uD800>"&')).toBe('a?&lt;?&gt;&quot;&amp;')
})
