/** Small histories by several devices, cut into single units, for delivering them in every order. */

import { bareDevice, bareWorld, SeededRandom, type BareDevice, type BareWorld } from '@varve/testkit'
import {
  createIdentity,
  ingest,
  memory,
  summaryOf,
  systemEnv,
  toHex,
  unitsFor,
  type Env,
  type Mode,
} from 'varve/engine'

export interface History {
  readonly world: BareWorld
  readonly env: Env
  /** One unit per commit, in the order they were made. */
  readonly units: readonly Uint8Array[]
  /** One unit per receipt, in record order, without commits. */
  readonly receipts: readonly Uint8Array[]
  readonly recorder: BareDevice
}

/** One step: which device, what it does, and the devices whose commits reach it first. */
export interface Act {
  readonly by: string
  readonly after?: readonly string[]
  readonly act: (device: BareDevice) => Promise<unknown>
}

export function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

export async function makeHistory(mode: Mode, acts: readonly Act[]): Promise<History> {
  let now = Date.UTC(2030, 0, 1)
  const random = new SeededRandom(1)
  const env = systemEnv({ now: () => now, random: (length) => random.bytes(length), passphraseWork: 1 })
  const world = bareWorld(mode, env)
  const devices = new Map<string, BareDevice>()
  const units: Uint8Array[] = []
  for (const { by, after = [], act } of acts) {
    const device = devices.get(by) ?? (await bareDevice(world, createIdentity(by, env), env, memory()))
    devices.set(by, device)
    for (const name of after) await send(devices.get(name), device)
    const before = summaryOf(device.replica)
    now += 1000
    await act(device)
    await device.replica.sign()
    for await (const unit of unitsFor(device.replica, before)) units.push(unit)
  }
  const recorder = await bareDevice(world, world.founder, env, memory())
  const receipts: Uint8Array[] = []
  for (const unit of units) {
    now += 1000
    const { record } = summaryOf(recorder.replica)
    await ingest(recorder.replica, unit)
    const peer = { feeds: summaryOf(recorder.replica).feeds, record }
    for await (const receipt of unitsFor(recorder.replica, peer)) receipts.push(receipt)
  }
  return { world, env, units, receipts, recorder }
}

async function send(from: BareDevice | undefined, to: BareDevice): Promise<void> {
  if (from === undefined) throw new Error('a device must write before others hear of it')
  await from.replica.sign()
  for await (const unit of unitsFor(from.replica, summaryOf(to.replica))) await ingest(to.replica, unit)
}

/** An empty device that declared an index, so that its rows are compared too. */
export async function receiver({ world, env }: History): Promise<BareDevice> {
  const device = await bareDevice(world, createIdentity('receiver', env), env, memory())
  await device.database
    .collection('notes', { indexes: ['v', 'tags'] })
    .find()
    .count()
  return device
}

/** Takes what is missing from the recorder, as a sync does. */
export async function catchUp(device: BareDevice, { recorder }: Pick<History, 'recorder'>): Promise<void> {
  await send(recorder, device)
}

/** The first commit of a feed left out: what a peer that skips sends. */
export async function unitAfterGap(history: History, feedLength: number): Promise<Uint8Array> {
  const { replica } = history.recorder
  const feed = [...replica.feeds.values()].find(({ length }) => length > feedLength)
  if (feed === undefined) throw new Error('no feed is long enough')
  const feeds = new Map([...summaryOf(replica).feeds].filter(([id]) => id !== toHex(feed.id)))
  const [last] = await replica.store.commits(feed.no, feedLength - 1, 1)
  if (last === undefined) throw new Error('the commit before the gap is missing')
  feeds.set(toHex(feed.id), { length: feedLength, head: last.id })
  for await (const unit of unitsFor(replica, { feeds, record: replica.state.record.length })) return unit
  throw new Error('nothing to send')
}
