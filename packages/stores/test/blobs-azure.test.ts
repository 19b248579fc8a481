/** Object storage in Azure against the contract: the vendor's emulator, with a container of its own for each test. */

import { azureBlobs, makeContainer, type AzureOptions } from '@varve/stores/blobs/azure'
import { azureProgram, blobSuite, startAzure, type RunningAzure } from '@varve/testkit'
import { afterAll, beforeAll, describe, it } from 'vitest'

const partBytes = 1024 * 1024

describe.runIf(azureProgram() !== null || process.env['CI'] === 'true')('Azure', () => {
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
})
