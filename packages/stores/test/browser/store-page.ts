/** A page with workers that hold stores, and a look at everything the origin keeps on disk. */

interface Told {
  readonly id: number
  readonly answer: unknown
  readonly error: string | null
}

let next = 1

class Holder {
  readonly #worker = new Worker('/store-worker.js', { type: 'module' })
  readonly #waiting = new Map<number, (told: Told) => void>()

  constructor() {
    this.#worker.addEventListener('message', ({ data }: MessageEvent<Told>) => {
      this.#waiting.get(data.id)?.(data)
    })
  }

  ask(what: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = next++
      this.#waiting.set(id, ({ answer, error }) => {
        if (error === null) resolve(answer)
        else reject(new Error(error))
      })
      this.#worker.postMessage({ id, ...what })
    })
  }

  kill(): void {
    this.#worker.terminate()
  }
}

/** Names and contents of all files, as Latin-1. */
async function disk(folder: FileSystemDirectoryHandle): Promise<string> {
  let all = ''
  for await (const [name, entry] of folder.entries()) {
    all += `\n${name}\n`
    if (entry instanceof FileSystemDirectoryHandle) all += await disk(entry)
    else if (entry instanceof FileSystemFileHandle)
      all += new TextDecoder('latin1').decode(await (await entry.getFile()).arrayBuffer())
  }
  return all
}

Object.assign(globalThis, {
  holder: () => new Holder(),
  disk: async () => disk(await navigator.storage.getDirectory()),
})
