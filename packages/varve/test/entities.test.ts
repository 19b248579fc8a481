/** Related entities: saved with a record in one commit, merged into what is there, and fetched with it. */

import { createTenant, memory, type Database } from 'varve'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { found, joined } from './engine-world.ts'

const customerOf = (property: string) => ({ property, collection: 'customers', keyProperty: 'customerId' })
const mappings = [customerOf('customer'), { property: 'product', collection: 'products', keyProperty: 'productId' }]
const ada = { customerId: 'CUST-456', name: 'Ada' }
const widget = { productId: 'PROD-789', name: 'Widget', price: 99.99 }
const order = { orderId: 'ORD-123', customer: ada, product: widget, quantity: 2 }

let close: () => Promise<void>
let crm: Database

beforeEach(async () => {
  const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory() })
  close = () => tenant.close()
  crm = await tenant.database('crm')
})
afterEach(() => close())

const everything = async () => ({
  orders: await crm.collection('orders').find().count(),
  customers: await crm.collection('customers').find().count(),
  products: await crm.collection('products').find().count(),
})

describe('createWithEntities', () => {
  test('creates the entities that are not there, in the commit of the record', async () => {
    const before = (await crm.stats()).commits
    const { id, entities } = await crm.collection('orders').createWithEntities(order, mappings, { actor: 'shop' })
    expect((await crm.stats()).commits).toBe(before + 1)
    expect([...entities].map(([property, { operation }]) => [property, operation])).toEqual([
      ['customer', 'created'],
      ['product', 'created'],
    ])
    expect(await crm.collection('orders').get(id)).toMatchObject(order)
    const customer = await crm.collection('customers').get(entities.get('customer')?.id ?? '')
    expect(customer).toMatchObject({ ...ada, _system: { createdBy: 'shop' } })
  })

  test('merges into an entity that is there and never replaces it; what is the same stays as it is', async () => {
    const customers = crm.collection('customers')
    const { id } = await customers.create({ ...ada, name: 'Ada L.', vip: true, tags: ['old'] })
    await crm.collection('products').create(widget)
    const { entities } = await crm
      .collection('orders')
      .createWithEntities({ ...order, customer: { ...ada, tags: ['new'] } }, mappings)
    expect(entities.get('customer')).toEqual({ id, operation: 'updated' })
    expect(entities.get('product')?.operation).toBe('unchanged')
    expect(await customers.get(id)).toMatchObject({ name: 'Ada', vip: true, tags: ['old', 'new'] })
    expect(await everything()).toEqual({ orders: 1, customers: 1, products: 1 })
  })

  test('two properties may hold one entity', async () => {
    const both = [customerOf('customer'), customerOf('payer')]
    const { entities } = await crm
      .collection('orders')
      .createWithEntities({ customer: ada, payer: { ...ada, iban: 'X1' } }, both)
    expect(entities.get('payer')).toEqual({ id: entities.get('customer')?.id, operation: 'updated' })
    expect(await crm.collection('customers').find().toArray()).toMatchObject([{ ...ada, iban: 'X1' }])
  })

  test('many at once with the same entities end with one of each', async () => {
    const orders = crm.collection('orders')
    await Promise.all(Array.from({ length: 20 }, (_, n) => orders.createWithEntities({ ...order, n }, mappings)))
    expect(await everything()).toEqual({ orders: 20, customers: 1, products: 1 })
  })

  test('two devices that were apart end with one entity', async () => {
    const first = await found()
    const second = await joined(first.tenant, 'bob')
    const [here, there] = [await first.tenant.database('crm'), await second.tenant.database('crm')]
    const made = await here.collection('orders').createWithEntities(order, mappings)
    const apart = await there.collection('orders').createWithEntities({ ...order, orderId: 'ORD-124' }, mappings)
    expect(apart.entities.get('customer')).toEqual(made.entities.get('customer'))
    await there.sync(here)
    expect(await here.collection('customers').find().count()).toBe(1)
    expect(await here.collection('orders').find().count()).toBe(2)
  })

  test('an entity whose key has changed meanwhile leaves the key to a new one', async () => {
    const first = await crm.collection('orders').createWithEntities(order, mappings)
    const old = first.entities.get('customer')?.id ?? ''
    await crm.collection('customers').patch(old, { customerId: 'CUST-1' })
    const second = await crm.collection('orders').createWithEntities(order, mappings)
    expect(second.entities.get('customer')).toMatchObject({ operation: 'created' })
    expect(second.entities.get('customer')?.id).not.toBe(old)
  })

  test.each([
    ['a property that is no object', { ...order, customer: 'Ada' }, 'customer'],
    ['an entity without its key', { ...order, product: { name: 'Widget' } }, 'product.productId'],
  ])('%s is INVALID, and nothing is written', async (_, data, path) => {
    await expect(crm.collection('orders').createWithEntities(data, mappings)).rejects.toMatchObject({
      code: 'INVALID',
      details: { path },
    })
    expect(await everything()).toEqual({ orders: 0, customers: 0, products: 0 })
  })

  test('a record that is refused leaves its entities unsaved', async () => {
    const orders = crm.collection('orders')
    const { id } = await orders.create({ orderId: 'ORD-123' })
    await expect(orders.createWithEntities(order, mappings, { id })).rejects.toMatchObject({ code: 'EXISTS' })
    expect(await everything()).toEqual({ orders: 1, customers: 0, products: 0 })
  })

  test('a record without the property has no such entity', async () => {
    const { entities } = await crm
      .collection('orders')
      .createWithEntities({ orderId: 'ORD-1', customer: null }, mappings)
    expect(entities.size).toBe(0)
  })
})

describe('getWithEntities', () => {
  test('gives the record as it was saved and its entities as they are now', async () => {
    const orders = crm.collection('orders')
    const { id, entities } = await orders.createWithEntities(order, mappings)
    await crm.collection('customers').patch(entities.get('customer')?.id ?? '', { name: 'Ada King' })
    await crm.collection('products').delete(entities.get('product')?.id ?? '')
    const read = await orders.getWithEntities(id, mappings)
    expect(read.record).toMatchObject(order)
    expect(read.entities.get('customer')).toMatchObject({ name: 'Ada King' })
    expect(read.entities.has('product')).toBe(false)
  })

  test('a record that is not there is NOT_FOUND', async () => {
    await expect(crm.collection('orders').getWithEntities('nobody', mappings)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })
})
