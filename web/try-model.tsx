import { useState } from 'preact/hooks'
import type { ModelStatus } from './api.ts'
import { ImageTrial } from './image-trial.tsx'
import { TensorTrial } from './tensor-trial.tsx'

/** Tries tensor models: with a picture where they take one, else with numbers. */
export function TryModel({ models }: { models: readonly ModelStatus[] }) {
  const tensorModels = models.filter(({ kind }) => kind === 'tensor')
  const [name, setName] = useState<string>()
  const [wantsNumbers, setWantsNumbers] = useState(false)
  const model = tensorModels.find(candidate => candidate.name === name) ?? tensorModels[0]
  if (!model)
    return (
      <section class="empty">
        <h2>Try a model</h2>
        <p>
          This server has no tensor model. <code>hence serve model.onnx</code> serves one.
        </p>
      </section>
    )
  return (
    <section aria-label="Try a model">
      <div class="row spread">
        <label>
          <span class="hidden">Model to try</span>
          <select value={model.name} onChange={event => setName(event.currentTarget.value)}>
            {tensorModels.map(candidate => (
              <option key={candidate.name} value={candidate.name}>
                {candidate.name}
              </option>
            ))}
          </select>
        </label>
        {model.takesPictures && (
          <label class="check">
            <input type="checkbox" checked={wantsNumbers} onChange={event => setWantsNumbers(event.currentTarget.checked)} />
            As numbers
          </label>
        )}
      </div>
      {model.takesPictures && !wantsNumbers ? (
        <ImageTrial key={model.name} model={model} />
      ) : (
        <TensorTrial key={model.name} model={model} />
      )}
    </section>
  )
}
