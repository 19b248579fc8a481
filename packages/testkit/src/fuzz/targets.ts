/** What is fuzzed: decoders of what others send, and a sync machine; each throws unless its promise is kept. */

import {
  authMessage,
  decodeFrame,
  decodeHeader,
  decodeReceipt,
  decodeUnit,
  encodeFrame,
  equalBytes,
  primitives,
  SyncMachine,
} from 'varve/engine'
import { frameCorpus, vectorCorpus, type Sample } from './corpus.ts'

export interface Target {
  readonly name: string
  /** What is mutated. */
  readonly samples: () => readonly Sample[]
  /** Takes any bytes; throws a `VarveError` when it refuses them, and anything else when a promise is broken. */
  readonly run: (bytes: Uint8Array) => void
}

const zeros = new Uint8Array(32)
const id = new Uint8Array(16)
const position = { record: 0, head: zeros, feeds: [] }

/** Random numbers and keys are always the same, so one signature opens every connection. */
const secret = new Uint8Array(32).fill(1)
const publicKey = primitives.ed25519.publicKey(secret)
const context = { tenant: id, initiator: zeros, acceptor: zeros, acceptorKey: publicKey }
const signature = primitives.ed25519.sign(secret, authMessage('initiator', context, publicKey))

export const targets: readonly Target[] = [
  { name: 'frame', samples: frameCorpus, run: frame },
  { name: 'unit', samples: () => vectorCorpus('commit', 'unit'), run: (bytes) => void decodeUnit(bytes) },
  { name: 'header', samples: () => vectorCorpus('commit', 'encoded'), run: (bytes) => void decodeHeader(bytes) },
  { name: 'receipt', samples: () => vectorCorpus('receipt', 'encoded'), run: (bytes) => void decodeReceipt(bytes, 2) },
  { name: 'machine', samples: frameCorpus, run: machines() },
]

/** A frame has one form: what is read is what was written. */
function frame(bytes: Uint8Array): void {
  if (!equalBytes(encodeFrame(decodeFrame(bytes)), bytes))
    throw new Error('A frame was read that is written in another way')
}

/** Feeds one machine after another, each authenticated and with open channels, until it ends the connection. */
function machines(): (bytes: Uint8Array) => void {
  let machine = liveMachine()
  return (bytes) => {
    machine.receive(bytes)
    for (const output of machine.take()) {
      if ('event' in output && output.event === 'closed') {
        machine = liveMachine()
        if (output.error !== null) throw output.error
        return
      }
      if ('event' in output || output.do === 'send') continue
      if (output.do === 'open') machine.opened(output.channel, position, null)
      else if (output.do === 'produce') machine.dry(output.channel, 0)
      else if (output.do === 'ingest') machine.ingested(output.channel)
      else if (output.do === 'adopt') machine.adopted()
    }
  }
}

function liveMachine(): SyncMachine {
  const device = { publicKey, sign: () => new Uint8Array(64) }
  const env = { now: () => 0, random: () => zeros }
  const machine = new SyncMachine({ role: 'acceptor', tenant: id, device, env, directory: null, appointments: [] })
  machine.receive(encodeFrame({ type: 'hello', versions: [1], tenant: id, nonce: zeros }))
  machine.receive(encodeFrame({ type: 'auth', publicKey, signature }))
  machine.admitted('full')
  machine.receive(encodeFrame({ type: 'ready', now: 0, window: 1_000, appointments: [] }))
  for (const channel of [0, 1]) {
    const database = new Uint8Array(16).fill(channel)
    machine.receive(encodeFrame({ type: 'open', channel, database, position, urgent: [] }))
    machine.opened(channel, position, null)
  }
  machine.dry(0, 0)
  machine.dry(1, 0)
  machine.take()
  return machine
}
