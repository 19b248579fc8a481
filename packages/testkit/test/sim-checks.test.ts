/** Every checker of the worlds of servers fails when it should: a defect is planted, and found. */

import { runServers, type Plant } from '@varve/testkit'
import { utf8 } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import type { LedgerWrite } from '../src/sim/ledger.ts'
import { readLog } from '../src/sim/log.ts'
import { lie } from '../src/sim/servers/lies.ts'
import { clientOf, recorderOf } from '../src/sim/servers/setup.ts'
import { Watch } from '../src/sim/servers/watch.ts'

/** A world in which both databases are sealed. */
const sealedSeed = 10

/** A world without a step, so that nothing but the defect happens to it. */
async function planted(plant: Plant, seed = sealedSeed): Promise<string> {
  const { problems } = await runServers(seed, 0, plant)
  return problems.join('\n')
}

function ledgerWrite(token: string, by: number): LedgerWrite {
  return {
    token,
    node: 'client0',
    actor: 'user0plain',
    database: 'vaultplain',
    operations: new Map([['notesplain/odd', [{ op: 'inc', path: ['n'], by }]]]),
    outcome: 'acknowledged',
    refusable: new Set(),
    told: null,
  }
}

describe('planted defects are found', () => {
  test('none, where there is none', async () => {
    expect(await planted(() => undefined)).toBe('')
  })

  test('an acknowledged write that is nowhere', async () => {
    const plant: Plant = ({ sim }) => {
      sim.ledger.add(ledgerWrite('token9999plain', 1))
    }
    expect(await planted(plant)).toContain('token9999plain by client0 (acknowledged) is not in the log')
  })

  test('a write that is there twice', async () => {
    const plant: Plant = async (world) => {
      const notes = clientOf(world, 0).node.collection('vaultplain', 'notesplain')
      world.sim.ledger.add(ledgerWrite('token9999plain', 1))
      await notes.create({ n: 0 }, { id: 'odd', reason: 'token9999plain' })
      await notes.patch('odd', { $inc: { n: 1 } }, { reason: 'token9999plain' })
    }
    expect(await planted(plant)).toContain('is doubled')
  })

  test('a write that counts and is listed as refused', async () => {
    const plant: Plant = async (world) => {
      const { node } = clientOf(world, 0)
      world.sim.ledger.add({
        ...ledgerWrite('token9999plain', 1),
        operations: new Map([['notesplain/odd', [{ op: 'put', data: { n: 0 } } as const]]]),
      })
      await node.collection('vaultplain', 'notesplain').create({ n: 0 }, { id: 'odd', reason: 'token9999plain' })
      node.database('vaultplain').refused = async () => {
        const log = await readLog(node.replica('vaultplain'))
        const record = log.find(({ token }) => token === 'token9999plain')?.record ?? 0
        return [{ code: 'CONFLICT', reason: '', at: new Date(0).toISOString(), record, documents: [] }]
      }
    }
    expect(await planted(plant)).toContain('client0 lists token9999plain as refused in vaultplain, and it counts')
  })

  test('an increment that counts twice', async () => {
    const plant: Plant = async (world) => {
      const notes = clientOf(world, 0).node.collection('vaultplain', 'notesplain')
      const create = {
        ...ledgerWrite('token9998plain', 0),
        operations: new Map([['notesplain/odd', [{ op: 'put', data: { n: 0 } } as const]]]),
      }
      world.sim.ledger.add(create)
      world.sim.ledger.add(ledgerWrite('token9999plain', 1))
      await notes.create({ n: 0 }, { id: 'odd', reason: 'token9998plain' })
      await notes.patch('odd', { $inc: { n: 2 } }, { reason: 'token9999plain' })
    }
    expect(await planted(plant)).toMatch(/versions: .*"n":2.*the model says .*"n":1/)
  })

  test('a write that nobody made', async () => {
    const plant: Plant = async (world) => {
      await clientOf(world, 0).node.collection('vaultplain', 'notesplain').create({ n: 0 }, { id: 'odd', reason: 'x' })
    }
    expect(await planted(plant)).toContain('an entry nobody wrote: x')
  })

  test('a refusal that is not listed, or listed without one', async () => {
    const plant: Plant = (world) => {
      const at = new Date(0).toISOString()
      const made = { code: 'CONFLICT', reason: '', at, record: 0, documents: [] } as const
      clientOf(world, 0).node.database('vaultplain').refused = () => Promise.resolve([made])
    }
    expect(await planted(plant)).toContain('client0 lists 0 of vaultplain, which it need not')
  })

  test('a record with a gap', async () => {
    const plant: Plant = async (world) => {
      await clientOf(world, 0).node.collection('board', 'notesplain').create({ n: 0 }, { id: 'odd' })
      const { store } = clientOf(world, 0).node.replica('board')
      const receipts = store.receipts.bind(store)
      store.receipts = async (from, limit) => (await receipts(from, limit)).filter(({ record }) => record !== 0)
    }
    expect(await planted(plant)).toMatch(
      /recorded: the record of board on client0 has 1 where 0 is next|holds \d+ receipts/,
    )
  })

  test('a replica that has something else than the others', async () => {
    const plant: Plant = (world) => {
      const { store } = clientOf(world, 1).node.replica('vaultplain')
      store.scan = () => Promise.resolve([])
    }
    expect(await planted(plant)).toMatch(/converged: vaultplain of client1 differs/)
  })

  test('plaintext on the disk of a server', async () => {
    const plant: Plant = async (world) => {
      await recorderOf(world).disk.attach().replace('leak', utf8('the vaultplain'))
    }
    expect(await planted(plant)).toContain('sealed: leak on server0 shows plaintext')
  })

  test('plaintext on the wire', async () => {
    const plant: Plant = (world) => {
      recorderOf(world).lie = (transport) => {
        void transport.send(utf8('to notesplain'))
        return transport
      }
      world.sim.network.cutSome(1)
    }
    expect(await planted(plant)).toMatch(/a frame of type \d+ from server0 to client\d shows plaintext/)
  })

  test('traffic at rest', async () => {
    const plant: Plant = (world) => {
      const { tenant, node, clock } = clientOf(world, 0)
      const again = (): void => {
        tenant.presence(node.database('vaultplain'), { here: true })
        clock.timer(again, 20_000)
      }
      again()
    }
    expect(await planted(plant)).toMatch(/rest: \d+ frames of type 8 are sent at rest/)
  })

  test('questions to a store at rest', async () => {
    const plant: Plant = (world) => {
      const { node, clock } = clientOf(world, 1)
      const again = (): void => {
        void node.database('vaultplain').stats()
        clock.timer(again, 20_000)
      }
      again()
    }
    expect(await planted(plant)).toMatch(/rest: client1 asks its stores \d+ times at rest/)
  })

  test('a world that does not come to rest', async () => {
    const plant: Plant = ({ sim }) => {
      sim.network.heal = () => {
        sim.network.partition([['server0'], ['client0']])
      }
    }
    const found = await planted(plant)
    expect(found).toMatch(/did not come to rest: client0 is (offline|connecting)/)
    expect(found).toMatch(/settled\(\) of client0: nothing/)
  })

  test('a wiped device that keeps something', async () => {
    const plant: Plant = (world) => {
      clientOf(world, 1).life = 'wiped'
    }
    expect(await planted(plant)).toMatch(/wiped: client1 was wiped and keeps .*journal/)
  })

  test('clients that say nothing of a recorder that shows two histories', async () => {
    const kinds: string[] = []
    for (let seed = 1; seed < 6; seed++) {
      const plant: Plant = async (world) => {
        for (const client of world.clients) client.problems.push = () => 0
        await lie(world)
      }
      const { problems, tally } = await runServers(seed, 0, plant)
      const deceived = (tally.get('deceived') ?? 0) > 0
      if (deceived) kinds.push(problems.some((what) => what.includes('and says nothing')) ? 'found' : 'missed')
    }
    expect(kinds.length).toBeGreaterThan(0)
    expect(kinds).not.toContain('missed')
  })
})

describe('watching every moment', () => {
  function watched(): { readonly watch: Watch; readonly problems: string[] } {
    const problems: string[] = []
    return { watch: new Watch((what) => void problems.push(what)), problems }
  }
  const held = (name: string, length: number, head: number) => ({
    name,
    database: 'board',
    replica: { state: { record: { length, head: Uint8Array.of(head) } } },
  })

  test('a record may grow', () => {
    const { watch, problems } = watched()
    for (const length of [0, 1, 1, 5]) watch.record(held('a', length, length))
    expect(problems).toEqual([])
  })

  test('a record must not go back, change, or differ from that of others', () => {
    const { watch, problems } = watched()
    watch.record(held('a', 5, 5))
    watch.record(held('a', 4, 4))
    watch.record(held('a', 4, 9), true)
    watch.record(held('b', 5, 6))
    expect(problems).toEqual([
      'the record of a board went back from 5 to 4',
      'the record of a board changed at 4',
      'b board has another record of 5 than somebody else',
    ])
  })
})
