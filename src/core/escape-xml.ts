/** Text made safe for XML and HTML: characters that XML has no place for become question marks. */
export function escapeXml(text: string): string {
  return [...text]
    .map(character => (/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(character) ? '?' : character))
    .join('')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
