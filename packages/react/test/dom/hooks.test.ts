/**
 * The hooks in React itself: what is rendered follows what is stored, and nothing is rendered for nothing.
 *
 * @vitest-environment happy-dom
 */

import {
  createVarve,
  useDatabase,
  useDocument,
  usePresence,
  useQuery,
  useStatus,
  useTenant,
  useView,
  VarveProvider,
  type Status,
} from '@varve/react'
import { act, Component, createElement as h, StrictMode, Suspense, useMemo, type ReactNode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { createTenant, memory, type ConnectionEvents, type Tenant } from 'varve'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

interface Person {
  readonly name: string
  readonly status: string
}

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

let tenant: Tenant
let root: Root
let page: HTMLElement

beforeEach(async () => {
  tenant = await createTenant({ name: 'acme', user: 'ada', store: memory() })
  page = document.createElement('main')
  root = createRoot(page)
})

afterEach(async () => {
  await act(async () => {
    root.unmount()
  })
  await tenant.close()
})

/** Catches what a component throws. */
class Boundary extends Component<{ readonly children: ReactNode }, { readonly message: string | null }> {
  override state: { readonly message: string | null } = { message: null }

  static getDerivedStateFromError(error: Error): { readonly message: string } {
    return { message: error.message }
  }

  override render(): ReactNode {
    return this.state.message ?? this.props.children
  }
}

async function render(inside: ReactNode, within: ReactNode = null): Promise<void> {
  const provided = h(VarveProvider, { tenant }, h(Suspense, { fallback: 'loading' }, inside, within))
  await act(async () => {
    root.render(h(StrictMode, null, h(Boundary, null, provided)))
  })
}

/** Lets everything that was written come through. */
async function settle(work: () => Promise<unknown>): Promise<void> {
  await act(async () => {
    await work()
    await new Promise((resolve) => setTimeout(resolve, 20))
  })
}

const people = async (): Promise<ReturnType<Awaited<ReturnType<Tenant['database']>>['collection']>> =>
  (await tenant.database('crm')).collection('people')

describe('a query', () => {
  function List({ status }: { readonly status: string }): ReactNode {
    const all = useDatabase('crm').collection<Person>('people')
    const { data, loading, error } = useQuery(() => all.find({ status }).sort({ name: 1 }), [status])
    if (error !== null) return error.code
    return loading ? 'first' : data?.map(({ name }) => name).join(',') || 'nobody'
  }

  test('is rendered as it changes, and another one when what it depends on does', async () => {
    await render(h(List, { status: 'active' }))
    await settle(async () => undefined)
    expect(page.textContent).toBe('nobody')
    await settle(async () => (await people()).create({ name: 'Ada', status: 'active' }))
    await settle(async () => (await people()).create({ name: 'Grace', status: 'left' }))
    expect(page.textContent).toBe('Ada')
    await render(h(List, { status: 'left' }))
    await settle(async () => undefined)
    expect(page.textContent).toBe('Grace')
  })

  test('keeps unchanged documents the same objects, and renders nothing for a change elsewhere', async () => {
    const seen: unknown[][] = []
    function Seen(): ReactNode {
      const all = useDatabase('crm').collection<Person>('people')
      const { data } = useQuery(() => all.find({ status: 'active' }).sort({ name: 1 }), [])
      if (data !== undefined) seen.push([...data])
      return null
    }
    await settle(async () =>
      (await people()).createMany([
        { name: 'Ada', status: 'active' },
        { name: 'Bob', status: 'active' },
      ]),
    )
    await render(h(Seen))
    await settle(async () => undefined)
    const before = seen.length
    await settle(async () => (await people()).create({ name: 'Grace', status: 'left' }))
    expect(seen).toHaveLength(before)
    await settle(async () => (await people()).create({ name: 'Cyd', status: 'active' }))
    expect(seen.at(-1)?.[0]).toBe(seen[0]?.[0])
    expect(seen.at(-1)).toHaveLength(3)
  })

  test('tells why it is behind', async () => {
    await render(h(List, { status: 'active' }))
    await settle(() => tenant.close())
    expect(page.textContent).toBe('CLOSED')
  })
})

test('a document is followed through its life', async () => {
  const made = await (await people()).create({ name: 'Ada', status: 'active' })
  function One({ id }: { readonly id: string | null }): ReactNode {
    const crm = useDatabase('crm')
    const all = useMemo(() => crm.collection<Person>('people'), [crm])
    const { data, loading } = useDocument(all, id)
    return loading ? 'first' : (data?.name ?? 'gone')
  }
  await render(h(One, { id: made.id }))
  await settle(async () => undefined)
  expect(page.textContent).toBe('Ada')
  await settle(async () => (await people()).patch(made.id, { name: 'Ada Lovelace' }))
  expect(page.textContent).toBe('Ada Lovelace')
  await settle(async () => (await people()).delete(made.id))
  expect(page.textContent).toBe('gone')
  await render(h(One, { id: null }))
  expect(page.textContent).toBe('first')
})

test('a view renders when its rows have changed', async () => {
  await (await people()).create({ name: 'Ada', status: 'active' })
  const view = await tenant.view({
    name: 'by status',
    sources: [{ database: 'crm', collection: 'people' }],
    categories: [{ name: 'status', value: 'status' }],
    columns: [{ name: 'name', value: 'name' }],
  })
  function Rows(): ReactNode {
    useView(view)
    return String(view.rows().length)
  }
  await render(h(Rows))
  const before = Number(page.textContent)
  await settle(async () => (await people()).create({ name: 'Grace', status: 'left' }))
  expect(Number(page.textContent)).toBeGreaterThan(before)
  view.close()
})

describe('a connection', () => {
  /** Says what it is told to say. */
  class Spoken {
    status: Status['status'] = 'connecting'
    pending = 0
    readonly #listeners = new Map<string, Set<(value: never) => void>>()

    on<Kind extends keyof ConnectionEvents>(event: Kind, fn: (value: ConnectionEvents[Kind]) => void): () => void {
      const set = this.#listeners.get(event) ?? new Set()
      this.#listeners.set(event, set.add(fn))
      return () => set.delete(fn)
    }

    say<Kind extends keyof ConnectionEvents>(event: Kind, value: ConnectionEvents[Kind]): void {
      for (const fn of this.#listeners.get(event) ?? []) Reflect.apply(fn, null, [value])
    }

    get listeners(): number {
      return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0)
    }
  }

  test('shows where it stands, and is let go of', async () => {
    const connection = new Spoken()
    function Where(): ReactNode {
      const { status, pending } = useStatus(connection)
      return `${status} ${pending}`
    }
    await render(h(Where))
    await settle(async () => {
      connection.status = 'live'
      connection.pending = 3
      connection.say('changed', undefined)
    })
    expect(page.textContent).toBe('live 3')
    await render(null)
    expect(connection.listeners).toBe(0)
  })

  test('tells who is here, and forgets who has gone quiet', async () => {
    const connection = new Spoken()
    function Who(): ReactNode {
      return usePresence(connection, 'd1', 50)
        .map(({ device, state }) => `${device}:${String(state)}`)
        .join(',')
    }
    await render(h(Who))
    await settle(async () => {
      connection.say('presence', { database: 'd1', device: 'a', state: 1 })
      connection.say('presence', { database: 'd2', device: 'b', state: 1 })
      connection.say('presence', { database: 'd1', device: 'a', state: 2 })
    })
    expect(page.textContent).toBe('a:2')
    await settle(() => new Promise((resolve) => setTimeout(resolve, 60)))
    expect(page.textContent).toBe('')
  })
})

describe('a provider', () => {
  test('is asked for where there is none', async () => {
    function Bare(): ReactNode {
      return useTenant().name
    }
    const log = vi.spyOn(console, 'error').mockReturnValue(undefined)
    await act(async () => {
      root.render(h(Boundary, null, h(Bare)))
    })
    log.mockRestore()
    expect(page.textContent).toContain('VarveProvider')
  })

  test('opens a database once for all components, and hands on why it could not be', async () => {
    let opened = 0
    const failing = {
      database: async (name: string): Promise<string> => {
        opened++
        if (name === 'bad') throw new Error('no such key')
        return name
      },
    }
    const own = createVarve<typeof failing, string>()
    function Named({ name }: { readonly name: string }): ReactNode {
      return own.useDatabase(name)
    }
    await act(async () => {
      const both = h(Suspense, { fallback: 'loading' }, h(Named, { name: 'crm' }), h(Named, { name: 'crm' }))
      root.render(h(Boundary, null, h(own.VarveProvider, { tenant: failing }, both)))
    })
    expect(page.textContent).toBe('crmcrm')
    expect(opened).toBe(1)
    await act(async () => {
      root.render(
        h(Boundary, null, h(own.VarveProvider, { tenant: failing }, h(Suspense, null, h(Named, { name: 'bad' })))),
      )
    })
    expect(page.textContent).toBe('no such key')
  })
})
