/** Who records from now on, as far as the directory's own record shows that an appointment was right. */

import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { Epochs } from '../src/directory/epochs.ts'
import { Succession } from '../src/directory/succession.ts'
import { VarveError } from '../src/errors.ts'
import type { DeviceIdentity } from '../src/keys/identity.ts'
import {
  acceptAppointment,
  appointmentHash,
  decodeAppointment,
  encodeAppointment,
  noAppointment,
  signAppointment,
} from '../src/log/appointment.ts'
import { coded, failure } from './engine-world.ts'
import { meet, say, Village, type Villager } from './people-world.ts'

const tenant = new Uint8Array(16).fill(9)

function appointed(
  by: DeviceIdentity,
  recorder: DeviceIdentity,
  { record, after }: { readonly record: number; readonly after?: Uint8Array },
): Uint8Array {
  const signedBy =
    ({ signing }: DeviceIdentity) =>
    (message: Uint8Array): Uint8Array =>
      primitives.ed25519.sign(signing.secret, message)
  const before = after === undefined ? null : decodeAppointment(after)
  const signed = signAppointment(
    {
      tenant,
      previous: before === null ? noAppointment : appointmentHash(before),
      epoch: (before?.appointment.epoch ?? 0) + 1,
      recorder: recorder.signing.publicKey,
      appointer: by.signing.publicKey,
      at: 0,
      handOvers: [{ database: new Uint8Array(16).fill(4), record, head: new Uint8Array(32) }],
    },
    signedBy(by),
  )
  return encodeAppointment(acceptAppointment(signed, signedBy(recorder)))
}

/** A founder, an admin, a member, the recorder and one who could be the next; what `at` knows of recorders. */
async function village() {
  const world = new Village()
  const [carols, daves, next] = [world.identity('carol'), world.identity('dave'), world.identity('next')]
  const server = await world.villager(world.recorder, { keyed: false })
  const ada = await world.villager(world.founder)
  const record = (): number => server.replica.state.record.length
  const tell = async (...words: Parameters<typeof say>[1]): Promise<void> => {
    await say(ada, words)
    await meet(ada, server)
  }
  return { world, server, ada, carols, daves, next, record, tell }
}

function successionAt({ replica, standing }: Villager, founder: DeviceIdentity) {
  const epochs = new Epochs(tenant, founder.signing.publicKey)
  const saved: (readonly Uint8Array[])[] = []
  const state = { saved, taken: 0, full: false }
  const succession = new Succession({
    epochs,
    standing,
    directory: replica.context.id,
    held: () => Promise.resolve(replica.state.record.length),
    save: (list) => {
      if (state.full) return Promise.reject(new VarveError('STORE_FAILED', 'the disk is full'))
      saved.push(list)
      return Promise.resolve()
    },
    taken: () => {
      state.taken++
      return Promise.resolve()
    },
  })
  return { epochs, succession, state }
}

const peer = new Uint8Array(32).fill(1)
const other = new Uint8Array(32).fill(2)

describe('an appointment by the recorder before', () => {
  test('counts at once, whatever of the directory is here, but not before it is stored', async () => {
    const { world, next } = await village()
    const at = await world.villager(world.identity('bob'))
    const { epochs, succession, state } = successionAt(at, world.recorder)
    const list = [appointed(world.recorder, next, { record: 7 })]
    state.full = true
    expect(await failure(() => succession.adopt(list, peer))).toEqual(coded('STORE_FAILED'))
    expect([epochs.recorder, state.taken]).toEqual([world.recorder.signing.publicKey, 0])
    state.full = false
    expect(await succession.adopt(list, peer)).toBe(true)
    expect([epochs.recorder, state.saved, state.taken]).toEqual([next.signing.publicKey, [list], 1])
    expect(await succession.adopt(list, peer)).toBe(false)
    expect(await succession.adopt([], peer)).toBe(false)
    const second = [appointed(world.recorder, world.founder, { record: 7 })]
    expect(await failure(() => succession.adopt(second, peer))).toEqual(coded('TAMPERED'))
  })
})

describe('an appointment by an admin', () => {
  test('counts once the directory is here up to the hand-over and says that he is one', async () => {
    const { world, server, carols, daves, next, record, tell } = await village()
    await tell([carols, 'admin'])
    const early = await world.villager(world.identity('bob'))
    await meet(early, server)
    await tell([daves, 'member'])
    const { epochs, succession, state } = successionAt(early, world.recorder)
    const first = appointed(carols, next, { record: record() })
    const list = [first, appointed(next, daves, { record: record() + 5, after: first })]
    expect(await succession.adopt(list, peer)).toBe(false)
    expect([epochs.accepted(), state.saved]).toEqual([[], []])
    expect(() => {
      succession.assertSettled(peer)
    }).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
    await succession.settle()
    expect(epochs.accepted()).toEqual([])
    await meet(early, server)
    await succession.settle()
    expect([epochs.accepted(), state.saved, state.taken]).toEqual([list, [list], 1])
    succession.assertSettled(peer)
  })

  test('of which the first part is sure is taken over as far as that', async () => {
    const { world, carols, daves, next } = await village()
    const { epochs, succession } = successionAt(await world.villager(world.identity('bob')), world.recorder)
    const first = appointed(world.recorder, next, { record: 2 })
    const list = [first, appointed(carols, daves, { record: 3, after: first })]
    expect(await succession.adopt(list, peer)).toBe(true)
    expect(epochs.accepted()).toEqual([first])
    expect(() => {
      succession.assertSettled(peer)
    }).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  })

  test('who is none is found out then, and no peer but the one that told of him is concerned', async () => {
    const { world, server, carols, daves, next, record, tell } = await village()
    const bob = await world.villager(world.identity('bob'))
    const { epochs, succession } = successionAt(bob, world.recorder)
    await tell([carols, 'admin'], [daves, 'member'])
    expect(await succession.adopt([appointed(daves, next, { record: record() })], other)).toBe(false)
    const right = [appointed(carols, next, { record: record() })]
    expect(await succession.adopt(right, peer)).toBe(false)
    await meet(bob, server)
    await succession.settle()
    expect(epochs.accepted()).toEqual(right)
    succession.assertSettled(peer)
    expect(() => {
      succession.assertSettled(other)
    }).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
    const { succession: anew } = successionAt(bob, world.recorder)
    expect(await failure(() => anew.adopt([appointed(daves, next, { record: record() })], peer))).toEqual(
      coded('FORBIDDEN'),
    )
  })

  test('does not count when he was none yet, or is none any more by what is held', async () => {
    const { world, server, carols, next, record, tell } = await village()
    await tell([carols, 'member'])
    const early = record()
    await tell([carols, 'admin'])
    const within = record()
    await tell([carols, 'revoked'])
    const bob = await world.villager(world.identity('bob'))
    await meet(bob, server)
    const { epochs, succession } = successionAt(bob, world.recorder)
    for (const at of [early, within, record()])
      expect(await failure(() => succession.adopt([appointed(carols, next, { record: at })], peer))).toEqual(
        coded('FORBIDDEN'),
      )
    expect(epochs.accepted()).toEqual([])
  })

  test('who is one only by a commit that nobody recorded does not count', async () => {
    const { world, ada, carols, next } = await village()
    const bob = await world.villager(world.identity('bob'))
    await say(ada, [[carols, 'admin']])
    await meet(bob, ada)
    expect(bob.standing.isAdmin(carols.signing.publicKey)).toBe(true)
    const { succession } = successionAt(bob, world.recorder)
    expect(await failure(() => succession.adopt([appointed(carols, next, { record: 0 })], peer))).toEqual(
      coded('FORBIDDEN'),
    )
  })
})
