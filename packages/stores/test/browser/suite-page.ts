/** A page that starts the worker with the suite, and gathers what it tells. */

interface Told {
  readonly name: string | null
  readonly error: string | null
}

const results: Told[] = []
const worker = new Worker('/suite-worker.js', { type: 'module' })
const done = new Promise<Told[]>((resolve) => {
  worker.addEventListener('message', ({ data }: MessageEvent<Told>) => {
    if (data.name === null) resolve(results)
    else results.push(data)
  })
  worker.addEventListener('error', ({ message }) => {
    results.push({ name: 'the worker', error: message })
    resolve(results)
  })
})
Object.assign(globalThis, { done })
