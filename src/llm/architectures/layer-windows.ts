import type { ConfigFields } from '../config-fields.ts'
import { DECODER_LIMITS } from '../decoder-config.ts'

const KINDS: Readonly<Record<string, boolean>> = { full_attention: false, sliding_attention: true }

/**
 * Which layers have a window as `layer_types` lists them, or `fallback` where there is no such list.
 *
 * @throws HenceError `CONFIG_INVALID` for a list that is too short or names another kind
 */
export function slidingLayers(fields: ConfigFields, fallback: (layer: number) => boolean): (layer: number) => boolean {
  if (!fields.has('layer_types')) return fallback
  const types = fields.texts('layer_types', DECODER_LIMITS.layers.max)
  const unknown = types.find(type => !Object.hasOwn(KINDS, type))
  if (unknown !== undefined) throw fields.invalid(`layer_types names "${unknown.slice(0, 60)}"; known are ${Object.keys(KINDS).join(', ')}`)
  return layer => {
    const type = types[layer]
    if (type === undefined) throw fields.invalid(`layer_types has ${types.length} entries, none for layer ${layer}`)
    return KINDS[type]!
  }
}

/** The windows of layers of which only some have one: those `layer_types` names, else those from `max_window_layers` on. */
export function optionalWindows(fields: ConfigFields): (layer: number) => number | null {
  if (!fields.boolean('use_sliding_window', false) || !fields.has('sliding_window')) return () => null
  const window = fields.integer('sliding_window', DECODER_LIMITS.window)
  const first = fields.integer('max_window_layers', { min: 0, max: DECODER_LIMITS.layers.max }, 28)
  const isSliding = slidingLayers(fields, layer => layer >= first)
  return layer => (isSliding(layer) ? window : null)
}
