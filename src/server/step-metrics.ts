import { Counter, Gauge, type Metric, type Registry } from 'prom-client'
import type { StepActivity } from '../core/index.ts'
import type { ModelRegistry } from './model-registry.ts'
import type { ServeOptions } from './serve-options.ts'

/** How series of a language model are named and labelled. */
export interface StepMetricsStyle {
  readonly prefix: string
  readonly labelNames: readonly string[]
  labelsOf(model: string): Record<string, string>
  /** See {@link ServeOptions.readBandwidth}. */
  readonly readBandwidth: ServeOptions['readBandwidth']
}

/** What was counted of one model. */
interface Counted {
  readonly labels: Record<string, string>
  readonly steps: StepActivity
}

/** Series about steps, which language models count themselves; read when they are asked for. */
export function registerStepMetrics(registry: Registry, models: ModelRegistry, style: StepMetricsStyle): void {
  const { prefix, labelNames, labelsOf, readBandwidth } = style
  const counted = (): Counted[] =>
    models.list().flatMap(({ name, model }) => {
      const steps = model?.kind === 'language' ? model.activity().steps : undefined
      return steps ? [{ labels: labelsOf(name), steps }] : []
    })
  registry.registerMetric(tokenHistogram(`${prefix}iteration_tokens_total`, counted))
  const registers = [registry]
  const total = (name: string, help: string, read: (steps: StepActivity) => number): unknown =>
    new Counter({
      name: prefix + name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset()
        for (const { labels, steps } of counted()) this.inc(labels, read(steps))
      },
    })
  total('iteration_compute_seconds_total', 'Time that steps were computed.', ({ computeMs }) => computeMs / 1_000)
  total('iteration_read_bytes_total', 'Weights, keys and values that steps read, each once a step.', ({ readBytes }) => readBytes)
  new Gauge({
    name: `${prefix}iteration_read_bytes_per_second`,
    help: 'Weights, keys and values that the last steps read, by the time they were computed.',
    labelNames: [...labelNames],
    registers,
    collect() {
      for (const { labels, steps } of counted()) this.set(labels, steps.readBytesPerSecond)
    },
  })
  if (!readBandwidth) return
  const isIdle = (): boolean => models.list().every(({ model }) => model && (model.kind !== 'language' || model.activity().running === 0))
  let measured: Promise<number | undefined> | undefined
  new Gauge({
    name: `${prefix}memory_bandwidth_utilization`,
    help: 'The same by what the memory gives at most, 0 to about 1; not there until that was measured, when nothing else was at work.',
    labelNames: [...labelNames],
    registers,
    async collect() {
      // A step at work, or a model that is being loaded, would share the memory with the measurement.
      if (isIdle()) measured ??= readBandwidth().catch(() => undefined)
      const bytesPerSecond = await measured
      if (bytesPerSecond) for (const { labels, steps } of counted()) this.set(labels, steps.readBytesPerSecond / bytesPerSecond)
    },
  })
}

/** A histogram of counts that are there already, which the client's own cannot show. */
function tokenHistogram(name: string, counted: () => readonly Counted[]): Metric {
  const values = (): unknown[] =>
    counted().flatMap(({ labels, steps: { tokenBuckets, tokens } }) => {
      let within = 0
      const buckets = tokenBuckets.map(({ most, steps }) => {
        within += steps
        return { metricName: `${name}_bucket`, labels: { le: most ?? '+Inf', ...labels }, value: within }
      })
      return [...buckets, { metricName: `${name}_sum`, labels, value: tokens }, { metricName: `${name}_count`, labels, value: within }]
    })
  const get = async (): Promise<unknown> => ({
    name,
    help: 'Tokens that a step computed.',
    type: 'histogram',
    aggregator: 'sum',
    values: values(),
  })
  return { name, get, reset() {} } as unknown as Metric
}
