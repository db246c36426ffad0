import type { Latency } from './api.ts'
import { formatSeconds } from './format.ts'

const TITLES: Readonly<Record<string, string>> = {
  time_to_first_token_seconds: 'First token',
  inter_token_latency_seconds: 'Between tokens',
  e2e_request_latency_seconds: 'Whole answer',
  tensor_request_latency_seconds: 'Tensor request',
}

const HEIGHT = 96
const WIDTH = 320
const WIDEST_BAR = 40

/** How often something took how long. */
export function Histogram({ latency: { name, model, count, sumSeconds, buckets } }: { latency: Latency }) {
  const first = buckets.findIndex(bucket => bucket.count > 0)
  const last = buckets.findLastIndex(bucket => bucket.count > 0)
  const shown = buckets.slice(Math.max(0, first - 1), last + 2)
  const bar = Math.min(WIDEST_BAR, WIDTH / shown.length)
  const most = Math.max(...shown.map(bucket => bucket.count), 1)
  const title = TITLES[name] ?? name
  const summary = `${title} of ${model}: ${count} times, ${formatSeconds(sumSeconds / count)} on average, half within ${quantile(buckets, count, 0.5)}, 99 of 100 within ${quantile(buckets, count, 0.99)}`
  return (
    <figure class="card">
      <figcaption>
        {title} <small>{model}, ms unless said</small>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH + 12} ${HEIGHT + 14}`} role="img" aria-label={summary}>
        {shown.map((bucket, i) => {
          const height = (bucket.count / most) * HEIGHT
          return (
            <g key={bucket.le ?? 'more'}>
              <rect x={i * bar + 1} y={HEIGHT - height} width={bar - 2} height={height} rx={2} />
              <text x={(i + 1) * bar} y={HEIGHT + 11} text-anchor="middle">
                {bucket.le === null ? '' : short(bucket.le)}
              </text>
            </g>
          )
        })}
      </svg>
      <p class="stats">
        <span>{count === 1 ? 'once' : `${count} times`}</span>
        <span>mean {formatSeconds(sumSeconds / count)}</span>
        <span>p50 ≤ {quantile(buckets, count, 0.5)}</span>
        <span>p99 ≤ {quantile(buckets, count, 0.99)}</span>
      </p>
    </figure>
  )
}

/** The upper bound of the bucket that holds a quantile. */
function quantile(buckets: Latency['buckets'], count: number, share: number): string {
  let seen = 0
  for (const bucket of buckets) {
    seen += bucket.count
    if (seen >= share * count) return bucket.le === null ? 'more' : formatSeconds(bucket.le)
  }
  return 'more'
}

function short(seconds: number): string {
  return seconds >= 1 ? `${seconds}s` : `${Number((seconds * 1_000).toPrecision(3))}`
}
