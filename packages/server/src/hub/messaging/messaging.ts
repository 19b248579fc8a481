/** Messaging of one tenant: topics with shards, messages published once, deliveries, dead letters, shared snapshots. */

import type { Doc, Transaction } from 'varve'
import { checkId, checkName, isVarveError, newId, VarveError, type Env } from 'varve/engine'
import { jumpPlace } from '../placement/hash.ts'
import type { Placement } from '../placement/placement.ts'
import { equalJson } from './equal.ts'
import { receive, settle } from './deliveries.ts'
import { Snapshots } from './snapshots.ts'
import { rowId, transactIn, type Home } from './home.ts'
import type {
  DeadLetter,
  Delivery,
  DeliveryRow,
  Message,
  MessageRow,
  PublishOptions,
  ReceiveOptions,
  Topic,
} from './types.ts'

export interface TopicOptions {
  /** 1 when absent. */
  readonly shards?: number
  /** 5 when absent. */
  readonly maxDeliveries?: number
}

export class Messaging {
  readonly snapshots: Snapshots
  readonly #home: Home
  readonly #env: Env

  /** `tenant` marks every document, so that tenants can share one database. */
  constructor(placement: () => Placement, tenant: string, env: Env) {
    this.#home = { placement, tenant }
    this.#env = env
    this.snapshots = new Snapshots(this.#home, env)
  }

  /** Makes a topic; one that is there with the same options stays. Throws `EXISTS` for others, `INVALID`. */
  async createTopic(name: string, { shards = 1, maxDeliveries = 5 }: TopicOptions = {}): Promise<Topic> {
    checkTopic(name)
    within('shards', shards, 1_024)
    within('maxDeliveries', maxDeliveries, 1_000)
    const topic = { name, shards, maxDeliveries }
    return this.#transact(async (tx) => {
      const known = await this.#topicIn(tx, name)
      if (known === null)
        await tx.collection('topics').create({ tenant: this.#home.tenant, ...topic }, { id: this.#id(name) })
      else if (known.shards !== shards || known.maxDeliveries !== maxDeliveries)
        throw new VarveError('EXISTS', `The topic "${name}" is there with other options: shards are fixed`)
      return topic
    })
  }

  async topics(): Promise<readonly Topic[]> {
    const { tenant, placement } = this.#home
    const rows = await placement().using(({ database }) =>
      database.collection<Topic & { tenant: string }>('topics').find({ tenant }).sort({ name: 1 }).toArray(),
    )
    return rows.map(({ name, shards, maxDeliveries }) => ({ name, shards, maxDeliveries }))
  }

  /**
   * Publishes a message once: the same id with the same content again changes nothing. Throws `NOT_FOUND` without the
   * topic, `EXISTS` for an id with other content, `INVALID`.
   */
  async publish(topic: string, given: PublishOptions): Promise<Message & { readonly duplicate: boolean }> {
    checkTopic(topic)
    const id = checkMessageId(given.id ?? newId(this.#env.now(), this.#env.random(10)))
    const { key = null, body, headers = {} } = given
    for (;;) {
      try {
        return await this.#transact((tx) => this.#publish(tx, topic, { id, key, body, headers }))
      } catch (error) {
        // Others publish to the shard as well; each time round one of them has.
        if (!isVarveError(error, 'CONFLICT') || !error.retryable) throw error
      }
    }
  }

  /** Messages of a shard from a number on, in order. */
  async read(
    topic: string,
    options: { shard?: number; from?: number; limit?: number } = {},
  ): Promise<readonly Message[]> {
    const { tenant, placement } = this.#home
    const { shard = 0, from = 0, limit = 100 } = options
    const rows = await placement().using(({ database }) =>
      database
        .collection<MessageRow>('messages')
        .find({ tenant, topic: checkTopic(topic), shard, number: { $gte: from } })
        .sort({ number: 1 })
        .limit(limit)
        .toArray(),
    )
    return rows.map(messageOf)
  }

  /** Hands messages of a subscription to this receiver, oldest first. Throws `NOT_FOUND` without the topic. */
  async receive(topic: string, subscription: string, options: ReceiveOptions = {}): Promise<readonly Delivery[]> {
    const { limit = 10, visibleMs = 30_000 } = options
    within('limit', limit, 1_000)
    within('visibleMs', visibleMs, 86_400_000)
    const given = {
      topic: checkTopic(topic),
      subscription: checkTopic(subscription),
      limit,
      visibleMs,
      now: this.#env.now(),
    }
    const taken = await this.#transact(async (tx) => {
      const known = await this.#topic(tx, topic)
      const shards = options.shard === undefined ? Array.from({ length: known.shards }, (_, i) => i) : [options.shard]
      return receive(tx, this.#home.tenant, { ...given, shards, maxDeliveries: known.maxDeliveries })
    })
    return taken.map(({ row, message }) => ({
      message: messageOf(message),
      attempt: row.attempt,
      ack: () => this.#settle(row, null),
      fail: (reason) => this.#settle(row, reason),
    }))
  }

  /** Messages that came too often, oldest first. */
  async deadLetters(options: { readonly topic?: string } = {}): Promise<readonly DeadLetter[]> {
    const { tenant, placement } = this.#home
    const filter = { tenant, status: 'dead' as const, ...(options.topic === undefined ? {} : { topic: options.topic }) }
    return placement().using(async ({ database }) => {
      const rows = await database.collection<DeliveryRow>('deliveries').find(filter).toArray()
      const letters: DeadLetter[] = []
      for (const row of rows) {
        const message = await database.collection<MessageRow>('messages').get(rowId(tenant, row.topic, row.message))
        const id = `${row.topic}/${row.subscription}/${row.message}`
        if (message !== null)
          letters.push({
            id,
            subscription: row.subscription,
            attempts: row.attempt,
            reason: row.reason,
            message: messageOf(message),
          })
      }
      return letters
    })
  }

  /** Hands a dead letter out anew. Throws `NOT_FOUND`. */
  async retry(id: string): Promise<void> {
    return this.#transact(async (tx) => {
      const rows = tx.collection<DeliveryRow>('deliveries')
      const row = await rows.get(this.#id(id))
      if (row === null || row.status !== 'dead')
        throw new VarveError('NOT_FOUND', `There is no dead letter "${id}": deadLetters() lists them`)
      await rows.patch(this.#id(id), { status: 'taken', attempt: 0, until: 0, reason: null })
    })
  }

  async #publish(
    tx: Transaction,
    topic: string,
    { id, key, body, headers }: Required<Omit<PublishOptions, 'key'>> & { readonly key: string | null },
  ): Promise<Message & { readonly duplicate: boolean }> {
    const { tenant } = this.#home
    const { shards } = await this.#topic(tx, topic)
    const messages = tx.collection<MessageRow>('messages')
    const known = await messages.get(rowId(tenant, topic, id))
    if (known !== null) {
      const same = known.key === key && equalJson(known.body, body) && equalJson(known.headers, headers)
      if (same) return { ...messageOf(known), duplicate: true }
      throw new VarveError('EXISTS', `The message "${id}" of "${topic}" has other content: publish under another id`)
    }
    const shard = jumpPlace(key ?? id, shards)
    const number = await nextNumber(tx, rowId(tenant, topic, `${shard}`))
    const message = { topic, id, shard, number, key, body, headers, at: new Date(this.#env.now()).toISOString() }
    await messages.create(stored(tenant, message), { id: rowId(tenant, topic, id) })
    return { ...message, duplicate: false }
  }

  #settle(row: DeliveryRow, failed: string | null): Promise<void> {
    return this.#transact(async (tx) => {
      const { maxDeliveries } = await this.#topic(tx, row.topic)
      await settle(tx, row, failed, maxDeliveries)
    })
  }

  async #topic(tx: Transaction, name: string): Promise<Topic> {
    const found = await this.#topicIn(tx, name)
    if (found === null) throw new VarveError('NOT_FOUND', `There is no topic "${name}": create it first`)
    return found
  }

  #topicIn(tx: Transaction, name: string): Promise<Doc<Topic> | null> {
    return tx.collection<Topic>('topics').get(this.#id(name))
  }

  #id(name: string): string {
    return rowId(this.#home.tenant, name)
  }

  #transact<R>(work: (tx: Transaction) => Promise<R>): Promise<R> {
    return this.#home.placement().using(({ database }) => transactIn(database, work))
  }
}

function stored(tenant: string, { id, ...message }: Message): MessageRow {
  return { tenant, message: id, ...message }
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

function checkTopic(name: string): string {
  if (name.includes('/')) throw new VarveError('INVALID', `"${name}" has a "/", which separates names: choose another`)
  return checkName(name, 'topic or subscription')
}

function checkMessageId(id: string): string {
  return checkId(id, 'message id')
}

function within(what: string, value: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > most)
    throw new VarveError('INVALID', `"${what}" should be a whole number from 1 to ${most}`, { details: { path: what } })
}
