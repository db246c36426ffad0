/*
 * Hugging Face tokenizers take these sets from tables of Unicode 8; characters that came later are not in them, and
 * neither are they here, so that both cut text alike. Checked against every code point.
 */

const ACCENTS_SOURCE = String.raw`(?![\u07fd\u0897-\u08d3\u09fe\u0afa-\u0aff\u0b55\u0c04-\u0c3c\u0cf3-\u0d00\u0d3b-\u0d3c\u0d81\u0eba\u0ece\u1715\u180f\u1abf-\u1aeb\u1cf7\u1df6-\u1dfa\ua82c\ua8ff\u{10d24}-\u{10d27}\u{10d69}-\u{10d6d}\u{10eab}-\u{10eac}\u{10efa}-\u{10eff}\u{10f46}-\u{10f85}\u{11070}-\u{11074}\u{110c2}\u{11145}-\u{11146}\u{111c9}\u{111ce}-\u{111cf}\u{11241}\u{1133b}\u{113b8}-\u{113e2}\u{1145e}\u{1182c}-\u{1183a}\u{11930}-\u{11943}\u{119d1}-\u{11a99}\u{11b60}-\u{11b67}\u{11d31}-\u{11d47}\u{11d8a}-\u{11d97}\u{11ef3}-\u{11f5a}\u{13440}-\u{13455}\u{1611e}-\u{1612f}\u{16f4f}\u{16f7f}-\u{16f87}\u{16fe4}-\u{16ff1}\u{1cf00}-\u{1cf46}\u{1e08f}\u{1e130}-\u{1e136}\u{1e2ae}-\u{1e2ef}\u{1e4ec}-\u{1e4ef}\u{1e5ee}-\u{1e5ef}\u{1e6e3}-\u{1e6f5}])[\p{M}]`

/** Marks of all kinds, for `StripAccents`. */
export const ACCENTS: RegExp = new RegExp(ACCENTS_SOURCE, 'gu')

const NONSPACING_SOURCE = String.raw`(?![\u07fd\u0897-\u08e1\u09fe\u0afa-\u0aff\u0b55\u0c04-\u0c3c\u0d00\u0d3b-\u0d3c\u0d81\u0eba\u0ece\u180f\u1885-\u1886\u1abf-\u1aeb\u1df6-\u1dfb\ua82c\ua8c5\ua8ff\ua9bd\u{10d24}-\u{10d27}\u{10d69}-\u{10d6d}\u{10eab}-\u{10eac}\u{10efa}-\u{10eff}\u{10f46}-\u{10f85}\u{11070}-\u{11074}\u{110c2}\u{111c9}\u{111cf}\u{1123e}-\u{11241}\u{1133b}\u{113bb}-\u{113e2}\u{11438}-\u{1145e}\u{1182f}-\u{1183a}\u{1193b}-\u{11943}\u{119d4}-\u{11a99}\u{11b60}-\u{11b66}\u{11c30}-\u{11c3f}\u{11c92}-\u{11cb6}\u{11d31}-\u{11d47}\u{11d90}-\u{11d97}\u{11ef3}-\u{11f5a}\u{13440}-\u{13455}\u{1611e}-\u{1612f}\u{16f4f}\u{16fe4}\u{1cf00}-\u{1cf46}\u{1e000}-\u{1e02a}\u{1e08f}\u{1e130}-\u{1e136}\u{1e2ae}-\u{1e2ef}\u{1e4ec}-\u{1e4ef}\u{1e5ee}-\u{1e5ef}\u{1e6e3}-\u{1e6f5}\u{1e944}-\u{1e94a}])[\p{Mn}\u1734\u{1171e}]`

/** Marks that take no room of their own, for `BertNormalizer`. */
export const NONSPACING: RegExp = new RegExp(NONSPACING_SOURCE, 'gu')

const PUNCTUATION_SOURCE = String.raw`(?![\u061d\u09fd\u0a76\u0c77-\u0c84\u1b4e-\u1b4f\u1b7d-\u1b7f\u2e43-\u2e5d\u{10d6e}\u{10ead}-\u{10ed0}\u{10f55}-\u{10f89}\u{113d4}-\u{113d8}\u{1144b}-\u{1145d}\u{11660}-\u{1166c}\u{116b9}\u{1183b}\u{11944}-\u{11946}\u{119e2}\u{11a3f}-\u{11a46}\u{11a9a}-\u{11aa2}\u{11b00}-\u{11b09}\u{11be1}\u{11c41}-\u{11c71}\u{11ef7}-\u{11ef8}\u{11f43}-\u{11f4f}\u{11fff}\u{12ff1}-\u{12ff2}\u{16d6d}-\u{16d6f}\u{16e97}-\u{16e9a}\u{16fe2}\u{1e5ff}\u{1e95e}-\u{1e95f}])[\p{P}!-/:-@[-\x60{-~\u166d\u{111c9}]`

/** Punctuation and the ASCII symbols, for `Punctuation` and `BertPreTokenizer`. */
export const PUNCTUATION: RegExp = new RegExp(PUNCTUATION_SOURCE, 'gu')
