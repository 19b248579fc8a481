/** `varve prune`: what it says, what it takes, and how it is refused. */

import { describe, expect, test } from 'vitest'
import { inside, json, peopleTenant } from './world.ts'

describe('prune', () => {
  test('says what would go, takes it, and what is gone says so', async () => {
    const at = await peopleTenant()
    for (const age of [31, 32, 33]) await inside(['patch', 'people', 'ada', `{"age":${age}}`, ...at])
    const dry = await inside(['prune', 'main', '--keep-versions', '2', '--dry-run', ...at])
    expect(dry).toMatchObject({ code: 0, err: '' })
    expect(dry.out).toMatch(/^2 versions would go, with them \d+ bytes of 1 commit\n$/)
    expect(await inside(['diff', 'people', 'ada', '0', '1', ...at])).toMatchObject({ code: 0 })
    expect(await json(inside(['prune', 'main', '--keep-versions', '2', '--json', ...at]))).toMatchObject({
      versions: 2,
      commits: 1,
    })
    const gone = await inside(['diff', 'people', 'ada', '0', '3', ...at])
    expect(gone).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/before version 2 of .*\(PRUNED\)\n$/) })
    expect((await inside(['prune', 'main', '--older-than-days', '30', ...at])).out).toBe(
      '0 versions gone, with them 0 bytes of 0 commits\n',
    )
    expect((await inside(['verify', ...at])).code).toBe(0)
  })

  test('needs a rule, and a database that is there', async () => {
    const at = await peopleTenant()
    expect(await inside(['prune', 'main', ...at])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Say what goes'),
    })
    for (const wrong of [
      ['--keep-versions', 'x'],
      ['--older-than-days', '-1'],
    ])
      expect(await inside(['prune', 'main', ...wrong, ...at])).toMatchObject({ code: 2, out: '' })
    expect(await inside(['prune', 'main', '--keep-versions', '0', ...at])).toMatchObject({
      code: 1,
      err: expect.stringContaining('INVALID'),
    })
    expect(await inside(['prune', 'nowhere', '--keep-versions', '1', ...at])).toMatchObject({
      code: 1,
      err: expect.stringContaining('NOT_FOUND'),
    })
  })
})
