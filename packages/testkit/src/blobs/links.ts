/** Object storage suite: links that read one object without credentials until they expire. */

import assert from 'node:assert/strict'
import { rejects } from '../store/frame.ts'
import { bytesFor, type BlobCase } from './frame.ts'

export function linkCases(check: BlobCase): void {
  check('a link reads its object, with type and file name, and nothing else', async ({ blobs }) => {
    if (!blobs.supports.presign) {
      await rejects(blobs.presign('a', { ttlSeconds: 60 }), 'UNSUPPORTED')
      return
    }
    await blobs.put('a/report', bytesFor(1, 500), { type: 'application/pdf' })
    await blobs.put('a/secret', bytesFor(2, 500))
    const link = await blobs.presign('a/report', { ttlSeconds: 60, fileName: 'Größe "1", 100 %;\'x\'.pdf' })
    const answer = await fetch(link)
    assert.equal(answer.status, 200)
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytesFor(1, 500))
    assert.equal(answer.headers.get('content-type'), 'application/pdf')
    const disposition = answer.headers.get('content-disposition') ?? ''
    assert.ok(disposition.startsWith('attachment;'), disposition)
    assert.ok(
      disposition.includes("filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22%2C%20100%20%25%3B%27x%27.pdf"),
      disposition,
    )
    for (const [changed, what] of [
      [link.replace('a/report', 'a/secret'), 'another object'],
      [link.replace('application%2Fpdf', 'text%2Fhtml').replace('.pdf', '.html'), 'another name'],
      [link.replace(/\?.*/, ''), 'no signature'],
    ] as const) {
      assert.ok((await fetch(changed)).status >= 400, `the link opened with ${what}`)
    }
    const long = await fetch(await blobs.presign('a/report', { ttlSeconds: 60, fileName: 'ö'.repeat(512) }))
    assert.equal(long.status, 200)
    const put = await fetch(link, { method: 'PUT', body: 'x' })
    assert.ok(put.status >= 400, 'the link wrote')
    const typed = await fetch(await blobs.presign('a/report', { ttlSeconds: 60, type: 'text/plain' }))
    assert.equal(typed.headers.get('content-type'), 'text/plain')
    assert.equal(typed.headers.get('content-disposition'), 'attachment')
    assert.deepEqual(new Uint8Array(await typed.arrayBuffer()), bytesFor(1, 500))
  })

  check('a link expires', async ({ blobs }) => {
    if (!blobs.supports.presign) return
    await blobs.put('a', bytesFor(1, 500))
    const link = await blobs.presign('a', { ttlSeconds: 2 })
    assert.equal((await fetch(link)).status, 200)
    for (const until = Date.now() + 15_000; ;) {
      const { status } = await fetch(link)
      if (status === 401 || status === 403) break
      assert.ok(Date.now() < until, `the link still answers ${status}`)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  })

  check('links that cannot be are refused', async ({ blobs }) => {
    for (const ttlSeconds of [0, -1, 1.5, 604_801, Number.NaN]) {
      await rejects(blobs.presign('a', { ttlSeconds }), 'INVALID')
    }
    for (const fileName of ['', 'a\r\nb', '\ud800']) {
      await rejects(blobs.presign('a', { ttlSeconds: 60, fileName }), 'INVALID')
    }
    await rejects(blobs.presign('a', { ttlSeconds: 60, fileName: 'x'.repeat(1_025) }), 'TOO_LARGE')
    await rejects(blobs.presign('../a', { ttlSeconds: 60 }), 'INVALID')
    await rejects(blobs.presign('a', { ttlSeconds: 60, type: 'no type' }), 'INVALID')
  })
}
