/** One peer in a process of its own: cold and then warm, with memory after W1 and disk after W2. */

import { tasks, type Task } from '../data.ts'
import { residentMb, timed } from '../measure.ts'
import { folderBytes, Folders } from '../files.ts'
import type { Peer, PeerRun } from './peer.ts'

export const peerNames = ['varve', 'floor', 'yjs', 'pouchdb', 'automerge'] as const
export type PeerName = (typeof peerNames)[number]

type Open = (dir: string) => Promise<Peer>

/** Each process loads one system only: the others would count as its memory. */
const openers: Readonly<Record<PeerName, () => Promise<Open>>> = {
  varve: async () => (await import('./varve.ts')).varvePeer,
  floor: async () => (await import('./floor.ts')).floorPeer,
  yjs: async () => (await import('./yjs.ts')).yjsPeer,
  pouchdb: async () => (await import('./pouchdb.ts')).pouchdbPeer,
  automerge: async () => (await import('./automerge.ts')).automergePeer,
}

async function singles(dir: string, all: readonly Task[]): Promise<number> {
  const { varveSingles } = await import('./varve.ts')
  return varveSingles(dir, all)
}

const documents = 10_000

export async function peerRun(name: PeerName): Promise<PeerRun> {
  using folders = new Folders()
  const all = tasks(documents)
  const open = await openers[name]()
  const cold = await pass(open, folders.next(), all)
  const warm = await pass(open, folders.next(), all)
  return {
    ...cold,
    warmCreate: warm.create,
    warmUpdate: warm.update,
    ...(name === 'varve' ? { single: await singles(folders.next(), all) } : {}),
  }
}

async function pass(open: Open, dir: string, all: readonly Task[]) {
  const peer = await open(dir)
  const create = await timed(() => peer.create(all))
  const resident = residentMb()
  const update = await timed(() => peer.update())
  const done = await peer.countDone()
  if (done !== all.length) throw new Error(`${done} of ${all.length} documents were updated`)
  await peer.close()
  return { create, update, residentMb: resident, diskMb: folderBytes(dir) / 1e6 }
}
