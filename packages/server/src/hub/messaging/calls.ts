/** Messaging as one process asks another for it: answers are plain, and small enough to be stored with what they answer. */

import type { Transaction } from 'varve'
import { isVarveError, VarveError, type Env } from 'varve/engine'
import { jumpPlace } from '../placement/hash.ts'
import { receive, settle, type Asked } from './deliveries.ts'
import { equalJson } from './equal.ts'
import { rowId, transactIn, type Home } from './home.ts'
import type { DeadLetter, DeliveryRow, Message, MessageRow, PublishOptions, Topic } from './types.ts'

/** Where a message came to stand. */
export interface Published extends Pick<Message, 'shard' | 'number' | 'at'> {
  readonly duplicate: boolean
}

/** A message as it is published. */
export type Publishing = Required<Omit<PublishOptions, 'key'>> & { readonly key: string | null }

/** What a receiver wants; `shard` null for all of them. */
export type Taking = Omit<Asked, 'shards' | 'maxDeliveries'> & { readonly shard: number | null }

/** The same methods in the process that asks and in the one that is asked. */
export class MessagingCalls {
  readonly #home: Home
  readonly #env: Env

  constructor(home: Home, env: Env) {
    this.#home = home
    this.#env = env
  }

  createTopic(topic: Topic): Promise<Topic> {
    return this.#transact('createTopic', [topic], async (tx) => {
      const known = await this.#topicIn(tx, topic.name)
      if (known === null)
        await tx.collection('topics').create({ tenant: this.#home.tenant, ...topic }, { id: this.#id(topic.name) })
      else if (known.shards !== topic.shards || known.maxDeliveries !== topic.maxDeliveries)
        throw new VarveError('EXISTS', `The topic "${topic.name}" is there with other options: shards are fixed`)
      return topic
    })
  }

  async topics(): Promise<readonly Topic[]> {
    const { tenant } = this.#home
    return this.#home.run('topics', [], async (database) => {
      const rows = database.collection<Topic & { tenant: string }>('topics').find({ tenant })
      return (await rows.sort({ name: 1 }).toArray()).map(({ name, shards, maxDeliveries }) => ({
        name,
        shards,
        maxDeliveries,
      }))
    })
  }

  async publish(topic: string, message: Publishing): Promise<Published> {
    return this.#home.run('publish', [topic, message], async (database, noting) => {
      for (;;) {
        try {
          return await transactIn(database, noting, (tx) => this.#publish(tx, topic, message))
        } catch (error) {
          // Others publish to the shard as well; each time round one of them has.
          if (!isVarveError(error, 'CONFLICT') || !error.retryable) throw error
        }
      }
    })
  }

  read(topic: string, shard: number, from: number, limit: number): Promise<readonly Message[]> {
    const { tenant } = this.#home
    return this.#home.run('read', [topic, shard, from, limit], async (database) => {
      const messages = database.collection<MessageRow>('messages')
      const rows = messages.find({ tenant, topic, shard, number: { $gte: from } }).sort({ number: 1 })
      return (await rows.limit(limit).toArray()).map(messageOf)
    })
  }

  /** Messages by their ids; what is not there is left out. */
  messages(topic: string, ids: readonly string[]): Promise<readonly Message[]> {
    const { tenant } = this.#home
    return this.#home.run('messages', [topic, ids], async (database) => {
      const messages = database.collection<MessageRow>('messages')
      const found = await Promise.all(ids.map((id) => messages.get(rowId(tenant, topic, id))))
      return found.flatMap((row) => (row === null ? [] : [messageOf(row)]))
    })
  }

  take(taking: Taking): Promise<readonly DeliveryRow[]> {
    return this.#transact('take', [taking], async (tx) => {
      const { shard, ...asked } = taking
      const { shards, maxDeliveries } = await this.#topic(tx, asked.topic)
      const from = shard === null ? Array.from({ length: shards }, (_, i) => i) : [shard]
      const taken = await receive(tx, this.#home.tenant, { ...asked, shards: from, maxDeliveries })
      return taken.map(({ row }) => row)
    })
  }

  /** `failed` is null for what is done with. */
  settle(row: DeliveryRow, failed: string | null): Promise<null> {
    return this.#transact('settle', [row, failed], async (tx) => {
      const { maxDeliveries } = await this.#topic(tx, row.topic)
      await settle(tx, row, failed, maxDeliveries)
      return null
    })
  }

  deadLetters(topic: string | null): Promise<readonly DeadLetter[]> {
    const { tenant } = this.#home
    return this.#home.run('deadLetters', [topic], async (database) => {
      const filter = { tenant, status: 'dead' as const, ...(topic === null ? {} : { topic }) }
      const rows = await database.collection<DeliveryRow>('deliveries').find(filter).toArray()
      const letters: DeadLetter[] = []
      for (const { topic: of, subscription, message: own, attempt: attempts, reason } of rows) {
        const message = await database.collection<MessageRow>('messages').get(rowId(tenant, of, own))
        const id = `${of}/${subscription}/${own}`
        if (message !== null) letters.push({ id, subscription, attempts, reason, message: messageOf(message) })
      }
      return letters
    })
  }

  retry(id: string): Promise<null> {
    return this.#transact('retry', [id], async (tx) => {
      const rows = tx.collection<DeliveryRow>('deliveries')
      const row = await rows.get(this.#id(id))
      if (row === null || row.status !== 'dead')
        throw new VarveError('NOT_FOUND', `There is no dead letter "${id}": deadLetters() lists them`)
      await rows.patch(this.#id(id), { status: 'taken', attempt: 0, until: 0, reason: null })
      return null
    })
  }

  async #publish(tx: Transaction, topic: string, { id, key, body, headers }: Publishing): Promise<Published> {
    const { tenant } = this.#home
    const { shards } = await this.#topic(tx, topic)
    const messages = tx.collection<MessageRow>('messages')
    const known = await messages.get(rowId(tenant, topic, id))
    if (known !== null) {
      const same = known.key === key && equalJson(known.body, body) && equalJson(known.headers, headers)
      if (same) return { shard: known.shard, number: known.number, at: known.at, duplicate: true }
      throw new VarveError('EXISTS', `The message "${id}" of "${topic}" has other content: publish under another id`)
    }
    const shard = jumpPlace(key ?? id, shards)
    const number = await nextNumber(tx, rowId(tenant, topic, `${shard}`))
    const at = new Date(this.#env.now()).toISOString()
    const row = { tenant, topic, message: id, shard, number, key, body, headers, at }
    await messages.create(row, { id: rowId(tenant, topic, id) })
    return { shard, number, at, duplicate: false }
  }

  async #topic(tx: Transaction, name: string): Promise<Topic> {
    const found = await this.#topicIn(tx, name)
    if (found === null) throw new VarveError('NOT_FOUND', `There is no topic "${name}": create it first`)
    return found
  }

  #topicIn(tx: Transaction, name: string): Promise<Topic | null> {
    return tx.collection<Topic>('topics').get(this.#id(name))
  }

  #id(name: string): string {
    return rowId(this.#home.tenant, name)
  }

  #transact<R>(method: string, args: readonly unknown[], work: (tx: Transaction) => Promise<R>): Promise<R> {
    return this.#home.run(method, args, (database, noting) => transactIn(database, noting, work))
  }
}

function messageOf({ topic, message: id, shard, number, key, body, headers, at }: MessageRow): Message {
  return { topic, id, shard, number, key, body, headers, at }
}

async function nextNumber(tx: Transaction, id: string): Promise<number> {
  const counters = tx.collection<{ next: number }>('shards')
  const known = await counters.get(id)
  if (known === null) await counters.create({ next: 1 }, { id })
  else await counters.update(id, { next: known.next + 1 })
  return known?.next ?? 0
}
