/** Plays a transcript: lines of what a sync machine is given go in, lines of what it gives come out between them. */

import { primitives } from '../src/crypto/primitives.ts'
import { emptyBytes, toHex } from '../src/encoding/bytes.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { errorCodes, isVarveError, VarveError } from '../src/errors.ts'
import { decodeFrame } from '../src/sync/decode-frame.ts'
import { frameTypes } from '../src/sync/frames.ts'
import { authMessage, type AuthContext, type Role } from '../src/sync/handshake.ts'
import { SyncMachine, type ChannelWork } from '../src/sync/machine.ts'
import type { Output } from '../src/sync/outputs.ts'
import { fieldNames, rawBytes, Values, wordOf, wordsOf } from './transcript-values.ts'

/** The transcript of a machine that is given the lines of `text`; its own lines in `text` are made anew. */
export function play(text: string): string {
  const lines: string[] = []
  let player: Player | null = null
  for (const line of text.trimEnd().split('\n')) {
    if (/^[<!*] /.test(line)) continue
    lines.push(line)
    if (line.startsWith('machine ')) player = new Player(wordsOf(line))
    else if (/^[>=+] /.test(line)) lines.push(...(player?.give(line) ?? []))
    else if (line !== '' && !line.startsWith('#')) throw new Error(`This line of a transcript means nothing: ${line}`)
  }
  return `${lines.join('\n')}\n`
}

const works: readonly ChannelWork[] = ['open', 'peer', 'produce', 'ingest']

class Player {
  readonly #values = new Values()
  readonly #role: Role
  readonly #machine: SyncMachine
  readonly #words: readonly string[]
  #now = 1_000
  #context: AuthContext

  /** `machine acceptor [directory=dir] [window=4096] [appointments=[a]] [live] [access=read] [peerWindow=4096]` */
  constructor(words: readonly string[]) {
    const values = this.#values
    this.#words = words
    this.#role = words[1] === 'initiator' ? 'initiator' : 'acceptor'
    const own = values.device(this.#role === 'initiator' ? 'client' : 'server')
    const tenant = values.bytes('tenant', 'home')
    this.#context = { tenant, initiator: emptyBytes, acceptor: emptyBytes, acceptorKey: own.publicKey }
    const [directory, window, appointments] = ['directory', 'window', 'appointments'].map((name) => wordOf(words, name))
    this.#machine = new SyncMachine({
      role: this.#role,
      tenant,
      device: { publicKey: own.publicKey, sign: (message) => primitives.ed25519.sign(own.secret, message) },
      env: { now: () => this.#now, random: () => values.bytes('nonce', `of-${this.#role}`) },
      directory: directory === undefined ? null : values.bytes('database', directory),
      appointments: appointments === undefined ? [] : this.#list('appointments', appointments),
      window: Number(window ?? 4096),
    })
    if (words.includes('live')) this.#shakeHands()
  }

  /** Gives the machine one line; returns the lines of its answer. */
  give(line: string): readonly string[] {
    try {
      if (line.startsWith('> ')) this.#machine.receive(this.#bytes(wordsOf(line.slice(2))))
      else this.#call(wordsOf(line.slice(2)))
    } catch (error) {
      if (!isVarveError(error)) throw error
      return [...this.#outputs(), `* throws ${error.code} ${JSON.stringify(error.message)}`]
    }
    return this.#outputs()
  }

  #shakeHands(): void {
    const window = wordOf(this.#words, 'peerWindow') ?? '4096'
    const access = wordOf(this.#words, 'access') ?? 'full'
    const peer = this.#role === 'initiator' ? 'server' : 'client'
    for (const line of [
      '+ start',
      '> hello versions=[1] tenant=home nonce=of-peer',
      `> auth publicKey=${peer} signature=signed`,
      `= admitted ${access}`,
      `> ready now=1000 window=${window} appointments=[]`,
    ])
      this.give(line)
  }

  /** The bytes of a frame: `type field=value …`, `first 20 of type …`, `raw 85ff` or `zeros 100`. */
  #bytes(words: readonly string[]): Uint8Array {
    if (words[0] === 'first') return this.#bytes(words.slice(3)).slice(0, Number(words[1]))
    const raw = rawBytes(words)
    if (raw !== null) return raw
    const [type = ''] = words
    const names = fieldNames[type]
    const number = frameTypes.findIndex((each) => each === type)
    if (names === undefined || number < 0) throw new Error(`There is no frame "${type}"`)
    const fields = names.map((name) => {
      const text = wordOf(words, name)
      if (text === undefined) throw new Error(`A frame "${type}" of a transcript lacks ${name}`)
      return name === 'signature' ? this.#signature(words, text) : this.#values.parse(name, text)
    })
    if (type === 'hello') this.#heard(this.#role === 'initiator' ? 'acceptor' : 'initiator', fields[2])
    return encodeCbor([number, ...fields])
  }

  /** `signed`, or with a difference: `signed(by=mallory,acceptorKey=mallory,initiator=other,role=acceptor)`. */
  #signature(words: readonly string[], text: string): Uint8Array {
    const differences = text.slice('signed('.length, -1).split(',')
    const [by, role, key] = ['by', 'role', 'acceptorKey'].map((name) => wordOf(differences, name))
    const publicKey = this.#values.device(wordOf(words, 'publicKey') ?? '').publicKey
    if (this.#role === 'initiator') this.#context = { ...this.#context, acceptorKey: publicKey }
    const nonces = (['initiator', 'acceptor'] as const).map((name) => {
      const other = wordOf(differences, name)
      return other === undefined ? this.#context[name] : this.#values.bytes('nonce', other)
    })
    const [initiator = emptyBytes, acceptor = emptyBytes] = nonces
    const acceptorKey = key === undefined ? this.#context.acceptorKey : this.#values.device(key).publicKey
    const theirs = this.#role === 'initiator' ? 'acceptor' : 'initiator'
    const side = role === 'acceptor' || role === 'initiator' ? role : theirs
    const message = authMessage(side, { ...this.#context, initiator, acceptor, acceptorKey }, publicKey)
    const signer = by === undefined ? this.#values.deviceOf(publicKey) : this.#values.device(by)
    return primitives.ed25519.sign(signer?.secret ?? emptyBytes, message)
  }

  #heard(from: Role, nonce: unknown): void {
    if (nonce instanceof Uint8Array) this.#context = { ...this.#context, [from]: nonce }
  }

  #call(words: readonly string[]): void {
    const [call = '', first = '', second = ''] = words
    const machine = this.#machine
    const channel = Number(first)
    const position = this.#values.position(wordOf(words, 'position') ?? '0')
    const calls: Readonly<Record<string, () => void>> = {
      start: () => machine.start(),
      admitted: () => machine.admitted(first === 'read' || first === 'directory' ? first : 'full'),
      refused: () => machine.refused(errorOf(words).code, errorOf(words).message),
      adopted: () => machine.adopted(),
      opened: () => machine.opened(channel, position, textOrNull(wordOf(words, 'checkpoint'))),
      accepted: () => machine.accepted(channel),
      produced: () => {
        const last = wordOf(words, 'last')
        machine.produced(channel, this.#values.bytes('unit', second), last === undefined ? null : Number(last))
      },
      dry: () => machine.dry(channel, Number(wordOf(words, 'record'))),
      ingested: () => machine.ingested(channel),
      failed: () => this.#failed(words),
      grown: () => machine.grown(channel, words.includes('urgent')),
      open: () => {
        const database = this.#values.bytes('database', first)
        machine.open(database, position, this.#list('urgent', wordOf(words, 'urgent') ?? '[]'))
      },
      close: () => machine.closeChannel(channel),
      appointed: () => machine.appointed(this.#list('appointments', first)),
      presence: () => {
        const [device, body] = [wordOf(words, 'device') ?? '', wordOf(words, 'body') ?? '']
        machine.presence(channel, this.#values.device(device).publicKey, this.#values.bytes('body', body))
      },
      ping: () => machine.ping(),
      revoke: () => machine.revoke(),
      stop: () => machine.stop(words.length > 1 ? errorOf(words) : null),
      clock: () => {
        this.#now = Number(first)
      },
    }
    const chosen = calls[call]
    if (chosen === undefined) throw new Error(`There is no call "${call}"`)
    chosen()
  }

  #failed(words: readonly string[]): void {
    const work = works.find((each) => each === words[1])
    const feed = wordOf(words, 'feed')
    if (work === undefined) throw new Error(`There is no work "${words[1] ?? ''}" that can fail`)
    const named = feed === undefined ? null : this.#values.bytes('feed', feed)
    this.#machine.failed(work, Number(words[2]), errorOf(words), named)
  }

  #list(field: string, text: string): readonly Uint8Array[] {
    const list = this.#values.parse(field, text)
    return Array.isArray(list) ? list.filter((each) => each instanceof Uint8Array) : []
  }

  #outputs(): readonly string[] {
    return this.#machine.take().map((output) => this.#show(output))
  }

  #show(output: Output): string {
    if ('event' in output) {
      const { event, ...fields } = output
      return `* ${event}${this.#values.showAll(fields)}`
    }
    if (output.do !== 'send') {
      const { do: work, ...fields } = output
      return `! ${work}${this.#values.showAll(fields)}`
    }
    const { type, ...fields } = decodeFrame(output.bytes)
    if ('nonce' in fields) this.#heard(this.#role, fields.nonce)
    if (!('signature' in fields)) return `< ${type}${this.#values.showAll(fields)}`
    const { publicKey } = fields
    const message = authMessage(this.#role, this.#context, publicKey)
    const signer = this.#values.deviceOf(publicKey)
    const right = signer === undefined ? emptyBytes : primitives.ed25519.sign(signer.secret, message)
    const signature = toHex(right) === toHex(fields.signature) ? 'signed' : toHex(fields.signature)
    return `< ${type} publicKey=${this.#values.show('publicKey', publicKey)} signature=${signature}`
  }
}

/** The error among the words of a line: a code and a message in quotes. */
function errorOf(words: readonly string[]): VarveError {
  const code = errorCodes.find((each) => words.includes(each)) ?? 'INVALID'
  const message = textOrNull(words.find((word) => word.startsWith('"')))
  return new VarveError(code, message ?? '')
}

function textOrNull(text: string | undefined): string | null {
  const value: unknown = text === undefined ? null : JSON.parse(text)
  return typeof value === 'string' ? value : null
}
