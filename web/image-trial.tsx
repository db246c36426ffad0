import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ModelStatus, send } from './api.ts'
import { formatSeconds } from './format.ts'

interface Finding {
  readonly classes: readonly { readonly label: string; readonly score: number }[]
  readonly seconds: number
}

/** Pixels of a side that are sent at most; more than any classifier looks at. */
const LARGEST_SIDE = 1_024
const PAD_SIDE = 280

export function ImageTrial({ model }: { model: ModelStatus }) {
  const [finding, setFinding] = useState<Finding>()
  const [trouble, setTrouble] = useState('')
  const canvas = useRef<HTMLCanvasElement>(null)
  const [isPicture, setPicture] = useState(false)

  const clear = useCallback(() => {
    const { context, element } = drawingOn(canvas.current!)
    element.width = PAD_SIDE
    element.height = PAD_SIDE
    context.fillStyle = 'white'
    context.fillRect(0, 0, PAD_SIDE, PAD_SIDE)
    setPicture(false)
    setFinding(undefined)
    setTrouble('')
  }, [])
  useEffect(clear, [clear])

  const classify = async () => {
    setTrouble('')
    const blob = await new Promise<Blob | null>(resolve => canvas.current!.toBlob(resolve, 'image/png'))
    if (!blob) return
    const begun = performance.now()
    try {
      const response = await send(`/hence/models/${encodeURIComponent(model.name)}/classify-image`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: blob,
      })
      const { classes } = (await response.json()) as Pick<Finding, 'classes'>
      setFinding({ classes, seconds: (performance.now() - begun) / 1_000 })
    } catch (error) {
      setTrouble((error as Error).message)
    }
  }

  const take = async (file: Blob | null | undefined) => {
    if (!file) return
    try {
      const bitmap = await createImageBitmap(file)
      const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height))
      const { context, element } = drawingOn(canvas.current!)
      element.width = Math.max(1, Math.round(bitmap.width * scale))
      element.height = Math.max(1, Math.round(bitmap.height * scale))
      context.drawImage(bitmap, 0, 0, element.width, element.height)
      setPicture(true)
      await classify()
    } catch {
      setTrouble('This file is no picture that the browser can show.')
    }
  }

  return (
    <fieldset
      class="card trial"
      onDragOver={event => event.preventDefault()}
      onDrop={event => {
        event.preventDefault()
        void take(event.dataTransfer?.files[0])
      }}
      onPaste={event => void take(event.clipboardData?.files[0])}
    >
      <legend class="hidden">A picture for the model</legend>
      <div>
        <Pad canvas={canvas} isDrawable={!isPicture} onStroke={() => void classify()} />
        <div class="row">
          <label class="button">
            Choose a picture
            <input type="file" accept="image/*" class="hidden" onChange={event => void take(event.currentTarget.files?.[0])} />
          </label>
          <button type="button" onClick={clear}>
            Clear
          </button>
        </div>
        <p class="note">Draw with the mouse or a finger, choose a picture, drop one here, or paste it. It goes to this server only.</p>
      </div>
      <div aria-live="polite">
        <h2>What it sees</h2>
        {finding ? <Classes finding={finding} /> : <p class="note">Nothing yet.</p>}
        {trouble && <p class="warn">{trouble}</p>}
      </div>
    </fieldset>
  )
}

function Classes({ finding: { classes, seconds } }: { finding: Finding }) {
  return (
    <>
      <ol class="classes">
        {classes.map(({ label, score }) => (
          <li key={label}>
            <span>{label}</span>
            <meter min={0} max={1} value={score} aria-label={`${label}: ${(score * 100).toFixed(1)} percent`} />
            <span class="number">{(score * 100).toFixed(1)} %</span>
          </li>
        ))}
      </ol>
      <p class="stats">{formatSeconds(seconds)} there and back</p>
    </>
  )
}

interface PadProps {
  readonly canvas: { current: HTMLCanvasElement | null }
  readonly isDrawable: boolean
  readonly onStroke: () => void
}

/** A place to draw. */
function Pad({ canvas, isDrawable, onStroke }: PadProps) {
  const isDown = useRef(false)
  const at = (event: PointerEvent): [number, number] => {
    const element = canvas.current!
    const { left, top, width, height } = element.getBoundingClientRect()
    return [((event.clientX - left) * element.width) / width, ((event.clientY - top) * element.height) / height]
  }
  const begin = (event: PointerEvent) => {
    if (!isDrawable) return
    isDown.current = true
    canvas.current!.setPointerCapture(event.pointerId)
    const { context } = drawingOn(canvas.current!)
    context.lineWidth = 14
    context.lineCap = 'round'
    context.lineJoin = 'round'
    context.strokeStyle = 'black'
    context.beginPath()
    context.moveTo(...at(event))
    draw(event)
  }
  const draw = (event: PointerEvent) => {
    if (!isDown.current) return
    const { context } = drawingOn(canvas.current!)
    context.lineTo(...at(event))
    context.stroke()
  }
  const finish = () => {
    if (!isDown.current) return
    isDown.current = false
    onStroke()
  }
  return (
    <canvas
      ref={canvas}
      class={isDrawable ? 'pad drawable' : 'pad'}
      role="img"
      aria-label={isDrawable ? 'A white area to draw on' : 'The chosen picture'}
      onPointerDown={begin}
      onPointerMove={draw}
      onPointerUp={finish}
      onPointerCancel={finish}
    />
  )
}

function drawingOn(element: HTMLCanvasElement): { element: HTMLCanvasElement; context: CanvasRenderingContext2D } {
  return { element, context: element.getContext('2d')! }
}
