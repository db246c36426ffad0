/** Features of recordings are those of transformers. */
import { expect, it } from 'vitest'
import { openSafetensors, readFloat32 } from '../../../src/formats/index.ts'
import { LogMel } from '../../../src/media/index.ts'
import { describeWithTestdata, testdata } from '../../testdata.ts'

const WHISPER = { sampleRate: 16_000, window: 400, hop: 160 }

describeWithTestdata('LogMel', () => {
  it('gives the features of the reference', async () => {
    const sounds = await openSafetensors(testdata('refs', 'whisper', 'audio.safetensors'))
    const answers = await openSafetensors(testdata('refs', 'whisper', 'reference.safetensors'))
    const logMel = new LogMel({ ...WHISPER, mels: 80 })
    for (let i = 0; i < 3; i++) {
      const bytes = await sounds.tensors.get(`audio${i}_i16`)!.read()
      const samples = Float32Array.from(new Int16Array(bytes.slice().buffer), x => x / 32_768)
      const features = await logMel.features(samples, 200)
      // The reference has bands first.
      const expected = await readFloat32(answers.tensors.get(`prompt${i}.input_features`)!)
      const worst = features.reduce((most, x, at) => Math.max(most, Math.abs(x - expected[(at % 80) * 200 + Math.floor(at / 80)]!)), 0)
      expect(worst, `sound ${i}`).toBeLessThan(1e-4)
    }
    await Promise.all([sounds.close(), answers.close()])
  })
})
