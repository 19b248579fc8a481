/** Object storage in Azure against the contract: the vendor's emulator, with a container of its own for each test. */

import { azureBlobs, makeContainer, type AzureOptions } from '@varve/stores/blobs/azure'
import { azureProgram, blobSuite, FaultProxy, isTested, startAzure, type RunningAzure } from '@varve/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const partBytes = 1024 * 1024

describe.runIf(isTested(azureProgram()))('Azure', () => {
  let server: RunningAzure
  let containers = 0

  beforeAll(async () => {
    server = await startAzure()
  })
  afterAll(async () => {
    await server.stop()
  })

  async function container(): Promise<AzureOptions> {
    const { url: endpoint, account, accountKey } = server
    const options = { endpoint, account, accountKey, container: `container-${containers++}`, partBytes }
    await makeContainer(options)
    return options
  }

  blobSuite({
    name: 'azure',
    place: async () => {
      const options = await container()
      return { open: () => azureBlobs(options), cleanup: async () => undefined }
    },
    largeBytes: 2 * partBytes + 1,
    test: { describe, it },
  })

  it('a list of blocks that is changed on the way puts no other object together', async () => {
    const options = { ...(await container()), partBytes: 4 }
    const bytes = Uint8Array.from({ length: 12 }, (_, i) => i)
    let flip = { fromEnd: 0, bit: 0 }
    let changed = 0
    const seen = (towards: string, sent: Uint8Array): void => {
      const at = towards === 'server' ? secondName(sent) : null
      if (at === null) return
      sent[at - flip.fromEnd] = (sent[at - flip.fromEnd] ?? 0) ^ (1 << flip.bit)
      changed++
    }
    const proxy = await FaultProxy.open(server.port, { seen })
    const through = azureBlobs({ ...options, endpoint: `${proxy.url}/${server.account}` })
    const direct = azureBlobs(options)
    for (let fromEnd = 1; fromEnd <= 6; fromEnd++) {
      for (let bit = 0; bit < 7; bit++) {
        flip = { fromEnd, bit }
        const key = `flip/${fromEnd}-${bit}`
        await through.put(key, bytes).catch(() => null)
        const there = await direct.get(key)
        if (there !== null) expect([key, there]).toEqual([key, bytes])
      }
    }
    expect(changed).toBe(6 * 7)
    await through.close()
    await proxy.close()
  })
})

/** Where the name of the second block ends in a list of them; null for bytes that are none. */
function secondName(sent: Uint8Array): number | null {
  const text = new TextDecoder('latin1').decode(sent)
  const first = text.indexOf('</Latest>')
  const second = text.indexOf('</Latest>', first + 1)
  return first < 0 || second < 0 ? null : second
}
