/** Messaging of one tenant: topics with shards, messages published once, deliveries, dead letters, shared snapshots. */

import { checkId, checkName, newId, VarveError, type Env } from 'varve/engine'
import { MessagingCalls } from './calls.ts'
import { Home, type HomeParts } from './home.ts'
import { Snapshots } from './snapshots.ts'
import type { DeadLetter, Delivery, DeliveryRow, Message, PublishOptions, ReceiveOptions, Topic } from './types.ts'

export interface TopicOptions {
  /** 1 when absent. */
  readonly shards?: number
  /** 5 when absent. */
  readonly maxDeliveries?: number
}

export class Messaging {
  readonly snapshots: Snapshots
  readonly #calls: MessagingCalls
  readonly #env: Env

  constructor(parts: HomeParts, env: Env) {
    this.#calls = new MessagingCalls(new Home('messaging', parts), env)
    this.#env = env
    this.snapshots = new Snapshots(new Home('snapshots', parts), env)
  }

  /** Makes a topic; one that is there with the same options stays. Throws `EXISTS` for others, `INVALID`. */
  async createTopic(name: string, { shards = 1, maxDeliveries = 5 }: TopicOptions = {}): Promise<Topic> {
    checkTopic(name)
    within('shards', shards, 1_024)
    within('maxDeliveries', maxDeliveries, 1_000)
    return this.#calls.createTopic({ name, shards, maxDeliveries })
  }

  topics(): Promise<readonly Topic[]> {
    return this.#calls.topics()
  }

  /**
   * Publishes a message once: the same id with the same content again changes nothing. Throws `NOT_FOUND` without the
   * topic, `EXISTS` for an id with other content, `INVALID`.
   */
  async publish(topic: string, given: PublishOptions): Promise<Message & { readonly duplicate: boolean }> {
    checkTopic(topic)
    const id = checkId(given.id ?? newId(this.#env.now(), this.#env.random(10)), 'message id')
    const { key = null, body, headers = {} } = given
    const { shard, number, at, duplicate } = await this.#calls.publish(topic, { id, key, body, headers })
    return { topic, id, shard, number, key, body, headers, at, duplicate }
  }

  /** Messages of a shard from a number on, in order. */
  async read(
    topic: string,
    options: { shard?: number; from?: number; limit?: number } = {},
  ): Promise<readonly Message[]> {
    const { shard = 0, from = 0, limit = 100 } = options
    return this.#calls.read(checkTopic(topic), shard, from, limit)
  }

  /** Hands messages of a subscription to this receiver, oldest first. Throws `NOT_FOUND` without the topic. */
  async receive(topic: string, subscription: string, options: ReceiveOptions = {}): Promise<readonly Delivery[]> {
    const { limit = 10, visibleMs = 30_000, shard = null } = options
    within('limit', limit, 1_000)
    within('visibleMs', visibleMs, 86_400_000)
    const rows = await this.#calls.take({
      topic: checkTopic(topic),
      subscription: checkTopic(subscription),
      limit,
      visibleMs,
      now: this.#env.now(),
      shard,
    })
    const ids = rows.map(({ message }) => message)
    const found = new Map(
      (ids.length === 0 ? [] : await this.#calls.messages(topic, ids)).map((each) => [each.id, each]),
    )
    return rows.flatMap((row) => {
      const message = found.get(row.message)
      return message === undefined ? [] : [this.#delivery(row, message)]
    })
  }

  /** Messages that came too often, oldest first. */
  deadLetters(options: { readonly topic?: string } = {}): Promise<readonly DeadLetter[]> {
    return this.#calls.deadLetters(options.topic ?? null)
  }

  /** Hands a dead letter out anew. Throws `NOT_FOUND`. */
  async retry(id: string): Promise<void> {
    await this.#calls.retry(id)
  }

  #delivery(row: DeliveryRow, message: Message): Delivery {
    const settle = async (failed: string | null): Promise<void> => {
      await this.#calls.settle(row, failed)
    }
    return { message, attempt: row.attempt, ack: () => settle(null), fail: settle }
  }
}

function checkTopic(name: string): string {
  if (name.includes('/')) throw new VarveError('INVALID', `"${name}" has a "/", which separates names: choose another`)
  return checkName(name, 'topic or subscription')
}

function within(what: string, value: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > most)
    throw new VarveError('INVALID', `"${what}" should be a whole number from 1 to ${most}`, { details: { path: what } })
}
