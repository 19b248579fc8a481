/** Pings and their answers: a pong says that everything before the ping was taken over, and all there was is sent. */

import { VarveError } from '../errors.ts'
import type { Outbox } from './outputs.ts'

/** A ping or pong that waits until so many units were taken over. */
interface Waiting {
  readonly n: number
  readonly after: number
}

export class Pings {
  readonly #out: Outbox
  #wanted = 0
  #sent = 0
  #answered = 0
  #asked = 0
  /** The oldest ping to answer, and the newest, which stands for those between: its answer is theirs too. */
  #questions: readonly Waiting[] = []
  #answers: Waiting[] = []

  constructor(out: Outbox) {
    this.#out = out
  }

  /** Asks the peer as soon as everything here is sent, so that its answer is about that too. Gives the ping's number. */
  send(): number {
    return this.#sent + this.#wanted++
  }

  /** Whether the peer has answered the ping of this number. */
  answered(n: number): boolean {
    return n < this.#answered
  }

  /** The peer asks, behind so many units; throws `INVALID` when it does not count upwards. */
  ask(n: number, after: number): void {
    if (n < this.#asked) throw miscounted('ping', n)
    this.#asked = n + 1
    this.#questions = [...this.#questions.slice(0, 1), { n, after }]
  }

  /** The peer answers, behind so many units; throws `INVALID` when it was not asked. */
  answer(n: number, after: number): void {
    if (n < this.#answered || n >= this.#sent) throw miscounted('pong', n)
    for (; this.#answered <= n; this.#answered++) this.#answers.push({ n: this.#answered, after })
  }

  /** Answers and tells what is due after `taken` units; `idle`: there is nothing to send. */
  advance(taken: number, idle: boolean): void {
    const due = ({ after }: Waiting): boolean => after <= taken
    for (const { n } of this.#answers.filter(due)) this.#out.push({ event: 'pong', n })
    this.#answers = this.#answers.filter((each) => !due(each))
    if (!idle) return
    for (; this.#wanted > 0; this.#wanted--) this.#out.send({ type: 'ping', n: this.#sent++ })
    const last = this.#questions.findLast(due)
    if (last === undefined) return
    this.#questions = this.#questions.filter((each) => !due(each))
    this.#out.send({ type: 'pong', n: last.n })
  }
}

function miscounted(type: 'ping' | 'pong', n: number): VarveError {
  return new VarveError('INVALID', `A frame "${type}" of number ${n} is out of turn: the peer lost count`)
}
