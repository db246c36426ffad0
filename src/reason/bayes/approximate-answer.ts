/** An answer that is not exact, and how far to trust it. Posteriors are in the order of the targets. */
export interface ApproximateAnswer {
  readonly posteriors: readonly Float64Array[]
  /** For sampling the standard errors; otherwise the distance to a check by sampling plus two of its standard errors. */
  readonly errors: readonly Float64Array[]
  /** An estimate of ln P(findings); for mean field a lower bound. NaN where the method has none. */
  readonly logEvidence: number
  readonly diagnostics: ApproximationDiagnostics
}

/** What a method tells about its own run. */
export interface ApproximationDiagnostics {
  readonly seed: number
  /** Samples that were drawn, those of a check included. */
  readonly samples: number
  /** Independent samples that would say as much; the smallest over all targets where they differ. */
  readonly effectiveSampleSize: number
  /** Standard error of ln P(findings). */
  readonly logEvidenceError?: number
  /** Gelman and Rubin's diagnostic, the worst over all targets: chains have not mixed when it is above 1.01 or so. */
  readonly rHat?: number
  /** Rounds of message passing or coordinate ascent. */
  readonly iterations?: number
  readonly hasConverged?: boolean
  /** Evidence lower bound: ln P(findings) is no less. */
  readonly lowerBound?: number
}
