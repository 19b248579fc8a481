/** One process of the hub as its parent uses it: asked, killed, stopped, and opened again with the same configuration. */

import { Ended } from '../child.ts'
import { fieldsOf, textOf } from '../read.ts'
import { Slot } from '../slot.ts'
import { wait } from './writer.ts'

/** What a process answers: a value, an error of Varve's, or nothing because it ended. */
export type Answer =
  | { readonly value: unknown }
  | { readonly code: string; readonly message: string }
  | { readonly ended: true }

export interface HubSlotParts {
  readonly name: string
  readonly config: unknown
  readonly program: string
  readonly output: string
  readonly problem: (what: string) => void
  /** Every message of an error. */
  readonly heard: (where: string, text: string) => void
}

export class HubSlot {
  readonly slot: Slot
  readonly #parts: HubSlotParts

  constructor(parts: HubSlotParts) {
    this.#parts = parts
    const { name, program, output, problem, config } = parts
    this.slot = new Slot({
      name,
      program,
      output,
      problem,
      options: () => ({ args: [], env: {} }),
      open: async (child) => {
        await child.ask('open', config)
      },
    })
  }

  get name(): string {
    return this.#parts.name
  }

  get isUp(): boolean {
    return this.slot.isUp
  }

  /** Asks, once it runs. Throws what is no answer. */
  async ask(name: string, value: unknown): Promise<Answer> {
    while (!this.slot.isUp) await wait(50)
    try {
      const answer = fieldsOf(await this.slot.child.ask(name, value))
      if (!('code' in answer)) return { value: answer['value'] ?? null }
      const [code, message] = [textOf(answer['code']), textOf(answer['message'])]
      this.#parts.heard(`an error of ${name} (${code})`, message)
      return { code, message }
    } catch (error) {
      if (error instanceof Ended) return { ended: true }
      throw error
    }
  }
}
