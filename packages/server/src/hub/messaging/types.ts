/** What messaging keeps and gives. */

import type { JsonValue } from 'varve'

/** A stream of messages. */
export interface Topic {
  readonly name: string
  /** 1 to 1,024; fixed when the topic is made. */
  readonly shards: number
  /** How often a message is handed out before it is a dead letter. */
  readonly maxDeliveries: number
}

export interface Message {
  readonly topic: string
  readonly id: string
  readonly shard: number
  /** Place in its shard: 0, 1, 2 … */
  readonly number: number
  readonly key: string | null
  readonly body: JsonValue
  readonly headers: Readonly<Record<string, string>>
  /** ISO 8601. */
  readonly at: string
}

/** As it is stored: `id` is that of the document. */
export interface MessageRow extends Omit<Message, 'id'> {
  readonly tenant: string
  readonly message: string
}

export interface PublishOptions {
  /** Given again it publishes once; made up when absent. */
  readonly id?: string
  /** Messages of one key stay in one shard, in order. */
  readonly key?: string
  readonly body: JsonValue
  readonly headers?: Readonly<Record<string, string>>
}

export interface ReceiveOptions {
  /** 10 when absent. */
  readonly limit?: number
  /** Milliseconds for which nobody else gets the message; 30,000 when absent. */
  readonly visibleMs?: number
  /** One shard; all of them when absent. */
  readonly shard?: number
}

/** A message handed to a receiver. */
export interface Delivery {
  readonly message: Message
  /** 1 the first time. */
  readonly attempt: number
  /** The message is done with. */
  readonly ack: () => Promise<void>
  /** It comes again at once, or is a dead letter when it came often enough. */
  readonly fail: (reason: string) => Promise<void>
}

/** What a subscription knows of one message. */
export interface DeliveryRow {
  readonly tenant: string
  readonly topic: string
  readonly subscription: string
  readonly message: string
  readonly shard: number
  readonly number: number
  readonly status: 'taken' | 'done' | 'dead'
  readonly attempt: number
  /** Milliseconds: until when it is taken. */
  readonly until: number
  readonly reason: string | null
}

export interface DeadLetter {
  /** For `retry`. */
  readonly id: string
  readonly subscription: string
  readonly attempts: number
  readonly reason: string | null
  readonly message: Message
}

/** A value that several processes share. */
export interface Snapshot {
  readonly name: string
  /** Of entries that were appended: 0, 1, 2 …; null for one that is set as a whole. */
  readonly number: number | null
  readonly value: JsonValue
  /** ISO 8601. */
  readonly at: string
}
