/** Two sync machines wired together deliver everything once, whatever the order of things; and come to rest. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from '../src/encoding/bytes.ts'
import { decodeFrame } from '../src/sync/decode-frame.ts'
import { ToyConnection, type SideName } from './sync-toy.ts'

const databases = 4

interface Write {
  readonly side: SideName
  readonly database: number
  readonly urgent: boolean
}

const write: fc.Arbitrary<Write> = fc.record({
  side: fc.constantFrom('initiator', 'acceptor'),
  database: fc.nat(databases - 1),
  urgent: fc.boolean(),
})
const window = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2_000 }))

const world = fc.record({
  before: fc.array(write, { maxLength: 20 }),
  during: fc.array(write, { maxLength: 20 }),
  reopened: fc.array(fc.nat(databases - 1), { maxLength: 4 }),
  windows: fc.tuple(window, window),
  unitBytes: fc.integer({ min: 48, max: 900 }),
  choices: fc.array(fc.nat(), { minLength: 1, maxLength: 200 }),
})

interface World {
  readonly before: readonly Write[]
  readonly during: readonly Write[]
  readonly reopened: readonly number[]
  readonly windows: readonly [number, number]
  readonly unitBytes: number
  readonly choices: readonly number[]
}

type Choose = (count: number) => number

function chooser(choices: readonly number[]): Choose {
  let drawn = 0
  return (count) => (choices[drawn++ % choices.length] ?? 0) % count
}

/** One thing happens; false when nothing can. */
function step(connection: ToyConnection, choose: Choose): boolean {
  const steps = connection.next()
  if (steps.length === 0) return false
  steps[choose(steps.length)]?.()
  return true
}

/** Plays a world to its end; what is written and reopened meanwhile comes whenever its turn is drawn. */
function play({ before, during, reopened, windows, unitBytes, choices }: World): ToyConnection {
  const connection = new ToyConnection(databases, windows, unitBytes)
  for (const { side, database, urgent } of before) connection.write(side, database, urgent)
  const { initiator, acceptor } = connection.sides
  initiator.machine.start()
  initiator.collect()
  for (let database = 0; database < databases; database++) initiator.open(database)
  const acts = [
    ...during.map(
      ({ side, database, urgent }) =>
        () =>
          connection.write(side, database, urgent),
    ),
    ...reopened.map((database) => () => initiator.reopen(database)),
  ]
  const choose = chooser(choices)
  while (acts.length > 0) {
    const steps = connection.next()
    const chosen = choose(steps.length + acts.length)
    if (chosen < steps.length) steps[chosen]?.()
    else acts.splice(chosen - steps.length, 1)[0]?.()
  }
  connection.rest(choose)
  expect([...initiator.events, ...acceptor.events].filter(({ event }) => event === 'closed')).toEqual([])
  for (let database = 0; database < databases; database++)
    expect(connection.items('acceptor', database)).toEqual(connection.items('initiator', database))
  return connection
}

test('everything arrives, once, and then nothing is sent any more', () => {
  fc.assert(
    fc.property(world, (given) => {
      const { sides } = play({ ...given, reopened: [] })
      const { initiator, acceptor } = sides
      expect(initiator.repeated + acceptor.repeated).toBe(0)
      for (const side of [initiator, acceptor]) {
        const current = side.events.flatMap((event) => (event.event === 'current' ? [event.channel] : []))
        expect(new Set(current).size).toBe(databases)
      }
    }),
    { numRuns: 500 },
  )
})

test('everything arrives although channels are closed and opened again', () => {
  fc.assert(
    fc.property(world, (given) => {
      play({ ...given, reopened: given.reopened.filter((database) => database > 0) })
    }),
    { numRuns: 300 },
  )
})

test('a pong comes when each side has what the other had or sent before the ping', () => {
  fc.assert(
    fc.property(world, fc.nat(30), (given, steps) => {
      const connection = play({ ...given, during: [], reopened: [] })
      const { initiator, acceptor } = connection.sides
      for (const { side, database, urgent } of given.during) connection.write(side, database, urgent)
      const choose = chooser(given.choices)
      for (let i = 0; i < steps; i++) step(connection, choose)
      const had = acceptor.items.flat().map(({ id }) => toHex(id))
      const sent = initiator.sent.map((bytes) => decodeFrame(bytes)).filter((frame) => frame.type === 'unit')
      initiator.machine.ping()
      initiator.collect()
      while (!initiator.events.some(({ event }) => event === 'pong'))
        if (!step(connection, choose)) throw new Error('No pong came')
      expect(initiator.items.flat().map(({ id }) => toHex(id))).toEqual(expect.arrayContaining(had))
      const arrived = sent.map(({ unit }) => toHex(unit.slice(0, 16)))
      expect(acceptor.items.flat().map(({ id }) => toHex(id))).toEqual(expect.arrayContaining(arrived))
    }),
    { numRuns: 200 },
  )
})
