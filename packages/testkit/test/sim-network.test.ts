/** The simulated network: time, lanes and links keep the contract of transports, and fail only as they are told to. */

import { offline, type Transport } from 'varve/engine'
import { describe, expect, it, test } from 'vitest'
import { Listener, SeededRandom, transportSuite } from '@varve/testkit'
import { ProcessClock } from '../src/sim/net/clock.ts'
import { Lane, type Parcel } from '../src/sim/net/lane.ts'
import { Link } from '../src/sim/net/link.ts'
import { Meddler } from '../src/sim/net/meddler.ts'
import { Network, type Host } from '../src/sim/net/network.ts'
import { Scheduler, settle } from '../src/sim/net/scheduler.ts'

const pace = { latencyMs: 3, jitterMs: 2, bytesPerMs: 1_000_000 }

function newScheduler(): Scheduler {
  return new Scheduler(new SeededRandom(7), 1_000)
}

describe.each(['frames', 'bytes'] as const)('a link over %s', (kind) => {
  transportSuite({
    name: 'in simulated time',
    test: { describe, it },
    connect: async () => {
      const scheduler = newScheduler()
      const clock = new ProcessClock(scheduler)
      const random = new SeededRandom(1)
      const link = new Link({ scheduler, random, pace, kind, meddler: null, timers: [clock, clock] })
      const [a, b] = link.transports
      const state = { over: false }
      const goOn = async (): Promise<void> => {
        while (!state.over) await scheduler.advance(1)
      }
      const going = goOn()
      return {
        a,
        b,
        cut: () => {
          a.close(offline('The test cut the link'))
        },
        cleanup: async () => {
          state.over = true
          await going
        },
      }
    },
  })
})

describe('simulated time', () => {
  test('events run in order of time, equal times in order of asking, cancelled ones never', async () => {
    const scheduler = newScheduler()
    const ran: string[] = []
    scheduler.after(5, () => void ran.push('late'))
    scheduler.after(1, () => void ran.push('one'))
    scheduler.after(1, () => void ran.push('two'))
    scheduler.after(2, () => void ran.push('never'))()
    await scheduler.advance(4)
    expect(ran).toEqual(['one', 'two'])
    await scheduler.advance(1)
    expect([ran, scheduler.now]).toEqual([['one', 'two', 'late'], 1_005])
  })

  test('what half-done work asks for still happens in its time, and time never goes back', async () => {
    const scheduler = newScheduler()
    const times: number[] = []
    const work = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) {
        for (let tick = 0; tick < 40; tick++) await Promise.resolve()
        times.push(
          await new Promise<number>(
            (resolve) =>
              void scheduler.after(1, () => {
                resolve(scheduler.now)
              }),
          ),
        )
      }
    }
    const working = work()
    await scheduler.advance(50)
    expect(times).toEqual(Array.from({ length: 50 }, (_, i) => 1_001 + i))
    await working
  })

  test('waiting says what did not end, and passes on what was thrown', async () => {
    const scheduler = newScheduler()
    await expect(scheduler.wait(new Promise(() => undefined), 100, 'a dial')).rejects.toThrow('a dial did not end')
    await expect(scheduler.wait(Promise.reject(new Error('broken')), 100, 'a dial')).rejects.toThrow('broken')
    const later = new Promise<string>(
      (resolve) =>
        void scheduler.after(50, () => {
          resolve('there')
        }),
    )
    expect(await scheduler.wait(later, 100, 'a dial')).toBe('there')
  })

  test('a clock may be wrong and drift, and its timers end with the process', async () => {
    const scheduler = newScheduler()
    const clock = new ProcessClock(scheduler)
    let rang = 0
    clock.timer(() => rang++, 10)
    clock.skew = -500
    clock.drift = 0.5
    await scheduler.advance(10)
    expect([rang, clock.now()]).toEqual([1, 1_000 + 10 - 500 + 5])
    clock.timer(() => rang++, 10)
    clock.stop()
    await scheduler.advance(20)
    expect(rang).toBe(1)
  })
})

describe('a lane', () => {
  function newLane(scheduler: Scheduler, arrived: Parcel[], bytesPerMs: number): Lane {
    const random = new SeededRandom(3)
    return new Lane({
      scheduler,
      bytesPerMs,
      bufferBytes: 100,
      latency: () => random.below(50),
      deliver: (parcel) => void arrived.push(parcel),
    })
  }

  test('keeps the order however the latency varies, and the pace of the line', async () => {
    const scheduler = newScheduler()
    const arrived: Parcel[] = []
    const lane = newLane(scheduler, arrived, 1)
    for (let i = 0; i < 9; i++) await lane.send(Uint8Array.of(i, i, i, i, i, i, i, i, i, i))
    await scheduler.advance(89)
    expect(arrived.length).toBeLessThan(9)
    await scheduler.advance(60)
    expect(arrived.map((parcel) => parcel?.[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('holds the sender back while it is full, and delivers nothing while it is held', async () => {
    const scheduler = newScheduler()
    const arrived: Parcel[] = []
    const lane = newLane(scheduler, arrived, Infinity)
    lane.hold('stall')
    let room = false
    void lane.send(new Uint8Array(101)).then(() => (room = true))
    await scheduler.advance(1_000)
    expect([room, arrived.length]).toEqual([false, 0])
    lane.release('stall')
    await scheduler.advance(1)
    expect([room, arrived.length]).toEqual([true, 1])
  })

  test('loses what is on the way when it is cut', async () => {
    const scheduler = newScheduler()
    const arrived: Parcel[] = []
    const lane = newLane(scheduler, arrived, 1)
    const full = lane.send(new Uint8Array(200))
    lane.cut()
    await expect(full).rejects.toThrow('cut')
    await expect(lane.send(new Uint8Array(1))).rejects.toThrow('cut')
    await scheduler.advance(1_000)
    expect(arrived).toEqual([])
  })
})

describe('a man in the middle', () => {
  test('drops, repeats, swaps, cuts, flips and invents, and counts what he touched', () => {
    const meddler = new Meddler(new SeededRandom(5), 0.5)
    const sent = Array.from({ length: 400 }, (_, i) => Uint8Array.of(i >> 8, i & 255, 1, 2, 3))
    const arrived = sent.flatMap((frame) => meddler.meddle(0, frame))
    const texts = arrived.map((frame) => frame.join())
    const known = new Set(sent.map((frame) => frame.join()))
    expect(texts.some((text) => !known.has(text))).toBe(true)
    expect(sent.some((frame) => !texts.includes(frame.join()))).toBe(true)
    expect(new Set(texts).size).toBeLessThan(texts.length)
    expect(texts.filter((text) => known.has(text))).not.toEqual(texts.filter((text) => known.has(text)).toSorted())
    expect(meddler.touched).toBeGreaterThan(100)
  })

  test('who is not there touches nothing', () => {
    const meddler = new Meddler(new SeededRandom(5), 0)
    expect(meddler.meddle(1, Uint8Array.of(1))).toEqual([Uint8Array.of(1)])
    expect(meddler.touched).toBe(0)
  })
})

describe('the network', () => {
  interface Party {
    readonly scheduler: Scheduler
    readonly network: Network
    readonly a: Host & { readonly timers: ProcessClock }
    readonly b: Host & { readonly timers: ProcessClock }
    readonly accepted: Transport[]
    readonly seen: string[]
    dial(): Promise<Transport>
  }

  function party(): Party {
    const scheduler = newScheduler()
    const seen: string[] = []
    const network = new Network(scheduler, new SeededRandom(11), (frame, from, to) => {
      seen.push(`${from} ${to} ${frame.length}`)
    })
    const [a, b] = [
      { name: 'a', timers: new ProcessClock(scheduler) },
      { name: 'b', timers: new ProcessClock(scheduler) },
    ]
    const accepted: Transport[] = []
    network.listen(b, (transport) => void accepted.push(transport))
    const dial = async (): Promise<Transport> => scheduler.wait(network.connector(a)('ws://b'), 60_000, 'dialling')
    return { scheduler, network, a, b, accepted, seen, dial }
  }

  async function connected(
    world: Party,
  ): Promise<{ readonly near: Listener; readonly far: Listener; readonly line: Transport }> {
    const line = await world.dial()
    const last = world.accepted.at(-1)
    if (last === undefined) throw new Error('nobody took the connection')
    return { near: new Listener(line), far: new Listener(last), line }
  }

  test('carries frames, and shows each to the observer', async () => {
    const world = party()
    const { far, line } = await connected(world)
    void line.send(Uint8Array.of(1, 2))
    await world.scheduler.advance(5_000)
    expect([far.frames.length, world.seen]).toEqual([1, ['a b 2']])
    expect(world.network.dialled).toBe(1)
  })

  test('nobody listens: the dialler is told', async () => {
    const world = party()
    world.network.unlisten('b')
    await expect(world.dial()).rejects.toThrow('Nobody listens')
  })

  test('a partition holds everything up until it heals, and the dialler gives up', async () => {
    const world = party()
    const { far, line } = await connected(world)
    world.network.partition([['a'], ['b']])
    void line.send(Uint8Array.of(1))
    await world.scheduler.advance(60_000)
    expect(far.frames.length).toBe(0)
    await expect(world.dial()).rejects.toThrow('Nothing answered')
    world.network.heal()
    await world.scheduler.advance(1)
    expect(far.frames.length).toBe(1)
    await world.dial()
  })

  test('a cut is told to both ends', async () => {
    const world = party()
    const { near, far } = await connected(world)
    expect(world.network.cutSome(1, 'a')).toBe(1)
    await settle()
    expect([near.closings[0]?.code, far.closings[0]?.code]).toEqual(['OFFLINE', 'OFFLINE'])
  })

  test('a crash is silence, until the host is back and cuts off who still speaks to the dead', async () => {
    const world = party()
    const { near, far, line } = await connected(world)
    world.network.crash('b')
    void line.send(Uint8Array.of(1))
    await world.scheduler.advance(60_000)
    expect([near.closings.length, far.frames.length]).toEqual([0, 0])
    world.network.revive('b')
    await settle()
    expect([near.closings[0]?.code, far.closings.length]).toEqual(['OFFLINE', 0])
  })

  test('a stalled reader takes nothing for a while', async () => {
    const world = party()
    const { near, far, line } = await connected(world)
    world.network.stall(10_000)
    for (const transport of [line, ...world.accepted]) void transport.send(Uint8Array.of(1))
    await world.scheduler.advance(9_000)
    expect(near.frames.length + far.frames.length).toBe(1)
    await world.scheduler.advance(2_000)
    expect(near.frames.length + far.frames.length).toBe(2)
  })

  test('a man in the middle leaves when the network heals, and his lines are cut', async () => {
    const world = party()
    world.network.meddle(1)
    const { near } = await connected(world)
    world.network.heal()
    await settle()
    expect(near.closings[0]?.code).toBe('OFFLINE')
  })
})
