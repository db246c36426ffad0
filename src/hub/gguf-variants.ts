/** One model in GGUF: its files in order, all of them. */
export interface GgufModel {
  readonly files: readonly string[]
  /** Quantisation as its name says it, in capitals: `Q4_K_M`, `UD-Q4_K_XL`, `F16`; undefined when it says none. */
  readonly label: string | undefined
}

const PART = /-(\d{5})-of-(\d{5})\.gguf$/i
/** Parts of other models that come along: vision projectors, calibration data. */
const COMPANION = /(^|[/._-])(mmproj|imatrix)([._-]|$)/i
const LABEL = /(?:^|[/._-])((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|F16|F32|FP16|FP32))(?=[/._-]|$)/gi
/** What is taken when nothing is said: small with little loss first, then larger, then smaller, then whole numbers. */
const PREFERRED = [
  ...['Q4_K_M', 'UD-Q4_K_XL', 'UD-Q4_K_M', 'Q4_K_S', 'Q4_K_L', 'MXFP4', 'MXFP4_MOE', 'IQ4_NL', 'IQ4_XS', 'Q4_0', 'Q4_1', 'Q4_K'],
  ...['Q5_K_M', 'Q5_K_S', 'Q5_0', 'Q5_1', 'Q5_K', 'Q6_K', 'Q8_0'],
  ...['Q3_K_L', 'Q3_K_M', 'Q3_K_S', 'Q3_K', 'Q2_K', 'BF16', 'F16', 'FP16', 'F32', 'FP32'],
]

/** The whole models among files: parts of a split one belong together, and without one of them it is none. */
export function ggufModels(paths: readonly string[]): GgufModel[] {
  const models = new Map<string, { files: string[]; total: number }>()
  for (const path of [...paths].sort()) {
    if (!path.toLowerCase().endsWith('.gguf') || COMPANION.test(path.slice(path.lastIndexOf('/') + 1))) continue
    const part = PART.exec(path)
    const stem = part ? `${path.slice(0, part.index)} of ${part[2]}` : path
    const model = models.get(stem) ?? { files: [], total: part ? Number(part[2]) : 1 }
    model.files.push(path)
    models.set(stem, model)
  }
  return [...models.values()]
    .filter(({ files, total }) => files.length === total)
    .map(({ files }) => ({ files, label: labelOf(files[0]!) }))
}

/** The models that a variant can mean: those with the label, or with the name. */
export function ggufsOfVariant(models: readonly GgufModel[], variant: string): GgufModel[] {
  const wanted = variant.toUpperCase()
  const labelled = models.filter(({ label }) => label === wanted)
  return labelled.length > 0 ? labelled : models.filter(({ files }) => stemOf(files[0]!).toUpperCase() === wanted)
}

/** The models to choose from when nothing is said: one, unless names do not tell them apart. */
export function preferredGgufs(models: readonly GgufModel[]): readonly GgufModel[] {
  for (const label of PREFERRED) {
    const found = models.filter(model => model.label === label)
    if (found.length > 0) return found
  }
  return models
}

/** The last label in a name, else that of its folder. */
function labelOf(path: string): string | undefined {
  return [...stemOf(path, true).matchAll(LABEL)].at(-1)?.[1]?.toUpperCase()
}

function stemOf(path: string, hasFolder = false): string {
  const stem = path.replace(PART, '').replace(/\.gguf$/i, '')
  return hasFolder ? stem : stem.slice(stem.lastIndexOf('/') + 1)
}
