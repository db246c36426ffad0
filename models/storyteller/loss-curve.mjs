const WIDTH = 640
const HEIGHT = 300
const LEFT = 48
const BOTTOM = 36
const TOP = 24

/** The loss over the steps of a training as an SVG picture: every tenth step faintly, their running mean above it. */
export function lossCurve(csv) {
  const points = csv
    .trim()
    .split('\n')
    .slice(1)
    .map(line => line.split(',').map(Number))
  const last = points.at(-1)[0]
  const top = Math.ceil(points[0][1])
  const x = step => LEFT + (step / last) * (WIDTH - LEFT - 16)
  const y = loss => TOP + (1 - loss / top) * (HEIGHT - TOP - BOTTOM)
  const path = list => list.map(([step, loss], i) => `${i === 0 ? 'M' : 'L'}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`).join('')
  const mean = points.map(([step], i) => {
    const near = points.slice(Math.max(0, i - 5), i + 6)
    return [step, near.reduce((sum, [, loss]) => sum + loss, 0) / near.length]
  })
  const rows = Array.from({ length: top + 1 }, (_, loss) => loss)
  const columns = [0, 0.25, 0.5, 0.75, 1].map(part => Math.round(part * last))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#555">
<title>Loss of the training by step</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${rows.map(loss => `<path d="M${LEFT} ${y(loss).toFixed(1)}H${WIDTH - 16}" stroke="#e4e4e4"/><text x="${LEFT - 8}" y="${(y(loss) + 4).toFixed(1)}" text-anchor="end">${loss}</text>`).join('\n')}
${columns.map(step => `<text x="${x(step)}" y="${HEIGHT - 16}" text-anchor="middle">${step}</text>`).join('\n')}
<text x="${LEFT}" y="14">loss (nats per token) by step; the last is ${mean.at(-1)[1].toFixed(3)}</text>
<path d="${path(points)}" fill="none" stroke="#9cc3e6"/>
<path d="${path(mean)}" fill="none" stroke="#1d6fb8" stroke-width="2"/>
</svg>
`
}
