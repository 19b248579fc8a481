/** A window of an application: it opens the engine of its origin, and does what the test asks. */

import { openEngine } from '@varve/browser'

interface Person {
  readonly name: string
}

const name = new URLSearchParams(location.search).get('engine') ?? 'acme'
const engine = openEngine({ name, worker: () => new Worker('/worker.js', { type: 'module' }) })
const seen: string[][] = []

Object.assign(globalThis, {
  engine,
  seen,
  found: async (passphrase?: string) => {
    await engine.createTenant({ name: 'acme', user: 'ada', ...(passphrase === undefined ? {} : { passphrase }) })
  },
  people: async (passphrase?: string) => {
    const tenant = await engine.openTenant(passphrase === undefined ? {} : { passphrase })
    return (await tenant.database('crm')).collection<Person>('people')
  },
  /** Gathers what a live query tells. */
  watch: async () => {
    const tenant = await engine.openTenant()
    const people = (await tenant.database('crm')).collection<Person>('people')
    people.find().watch((docs) => seen.push(docs.map((doc) => doc.name)))
  },
  role: () => engine.role,
})
