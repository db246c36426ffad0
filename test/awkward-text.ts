import fc from 'fast-check'

const PARTS: readonly string[] = [
  ...['a', 'Z', 'the', ' the', 'word', 'ing', ' ', '  ', '\n', '\r\n', '\r', '\t', '1', '12', '12345', '!', '?!', '...', '-', '_'],
  ...[
    "'s",
    "'S",
    "'ll",
    "'RE",
    "n't",
    "'ſ",
    "'",
    'é',
    'e\u0301',
    'ﬁ',
    '½',
    'Ⅷ',
    '٣',
    'ß',
    'İ',
    'Σ',
    '日本',
    '，',
    '한국',
    '\u00a0',
    '\u3000',
  ],
  ...[
    '\u200b',
    '👋🏽',
    '👨‍👩‍👧',
    '\u{1d7d8}',
    '\u{20000}',
    '\u0000',
    '\u001c',
    '\u0085',
    '\ufeff',
    '▁',
    '▁▁',
    'Ġ',
    '<s>',
    '</s>',
    '<unk>',
    '<0x0A>',
  ],
  ...['<|eot_id|>', '<|im_end|>', '<|endoftext|>', '<', '|>', '\ufffd', '\u2028'],
]

/** Well-formed strings that mix what tokenizers treat differently. */
export const awkwardText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...PARTS), { maxLength: 12 }).map(parts => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 24 }) },
)

/** Any string, also with lone surrogates. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  awkwardText,
  fc
    .array(fc.oneof(fc.constantFrom(...PARTS), fc.constantFrom('\ud800', '\udfff', '\udc00a', 'b\ud83d')), { maxLength: 10 })
    .map(parts => parts.join('')),
)
