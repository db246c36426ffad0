import type { ModelStatus, Status } from './api.ts'
import { formatBytes, formatCount, formatShape, formatUptime } from './format.ts'
import { Histogram } from './histogram.tsx'

/** What is served, what it takes, and how fast it answers. */
export function ModelsView({ status }: { status: Status }) {
  return (
    <section aria-label="Models">
      <dl class="facts card">
        <Fact name="Version" value={status.version} />
        <Fact name="Up" value={formatUptime(status.uptimeSeconds)} />
        <Fact name="Memory of the process" value={formatBytes(status.memoryBytes)} />
        <Fact name="Under way" value={String(status.admitted)} />
      </dl>
      {status.models.map(model => (
        <ModelCard key={model.name} model={model} />
      ))}
      <h2>How long things take</h2>
      {status.latencies.length === 0 && <p class="note">Nothing was asked yet.</p>}
      <div class="histograms">
        {status.latencies.map(latency => (
          <Histogram key={`${latency.name} ${latency.model}`} latency={latency} />
        ))}
      </div>
    </section>
  )
}

const MEMORY_PARTS: Readonly<Record<string, string>> = {
  weightBytes: 'weights',
  kvPoolBytes: 'keys and values',
  arenaBytes: 'working memory',
}

function ModelCard({ model }: { model: ModelStatus }) {
  const parts = Object.entries(model.memory ?? {}).filter(([, bytes]) => bytes > 0)
  const total = parts.reduce((sum, [, bytes]) => sum + bytes, 0)
  const { activity } = model
  return (
    <article class="card">
      <h2>{model.name}</h2>
      {model.state !== 'ready' && (
        <p class={model.state === 'failed' ? 'warn' : 'note'}>{model.state === 'failed' ? 'failed to load' : 'is being loaded'}</p>
      )}
      {model.state === 'ready' && (
        <>
          <dl class="facts">
            <Fact name="Kind" value={`${model.kind}, ${model.architecture}`} />
            <Fact name="Parameters" value={formatCount(model.parameters ?? 0)} />
            {model.context !== undefined && <Fact name="Context" value={`${formatCount(model.context)} tokens`} />}
            {model.precision && <Fact name="Arithmetic" value={`${model.precision}, ${model.backend}`} />}
            {activity && <Fact name="Running, waiting" value={`${activity.running}, ${activity.waiting}`} />}
            {activity && <Fact name="Tokens held" value={`${formatCount(activity.kvTokensUsed)} of ${formatCount(activity.kvTokens)}`} />}
          </dl>
          {parts.length > 0 && (
            <div
              class="memory"
              role="img"
              aria-label={`Memory: ${parts.map(([name, bytes]) => `${MEMORY_PARTS[name]} ${formatBytes(bytes)}`).join(', ')}`}
            >
              {parts.map(([name, bytes]) => (
                <span key={name} class={name} style={{ flexGrow: bytes / total }} />
              ))}
            </div>
          )}
          <p class="stats" aria-hidden="true">
            {parts.map(([name, bytes]) => (
              <span key={name}>
                <i class={`dot ${name}`} /> {MEMORY_PARTS[name]} {formatBytes(bytes)}
              </span>
            ))}
          </p>
          {model.inputs && (
            <p class="note">
              {model.inputs.map(({ name, dtype, shape }) => `${name} ${dtype ?? ''} ${formatShape(shape)}`).join(', ')} →{' '}
              {model.outputs?.map(({ name, dtype, shape }) => `${name} ${dtype ?? ''} ${formatShape(shape)}`).join(', ')}
            </p>
          )}
        </>
      )}
    </article>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
