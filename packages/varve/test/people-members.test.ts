/** The fold of levels by itself: order, authors, and drafts of writes that are not stored yet. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Members } from '../src/directory/members.ts'
import { Standing } from '../src/directory/standing.ts'
import { toHex } from '../src/encoding/bytes.ts'
import { makeStamp } from '../src/encoding/stamp.ts'
import { levels, type Level } from '../src/log/header.ts'
import type { StandingCommit } from '../src/replica/standings.ts'

const keys = Array.from({ length: 5 }, (_, i) => new Uint8Array(32).fill(i + 1))
const names = keys.map(toHex)
const founder = names[0] ?? ''

function keyOf(no: number): Uint8Array {
  return keys[no] ?? new Uint8Array(32)
}

function commit(
  no: number,
  by: number,
  changes: readonly (readonly [number, Level])[],
  place: Partial<Pick<StandingCommit, 'recorded' | 'counts'>> & { readonly ms?: number } = {},
): StandingCommit {
  return {
    commit: no,
    author: keyOf(by),
    stamp: makeStamp(place.ms ?? no, 0),
    feed: new Uint8Array(16).fill(by),
    recorded: place.recorded === undefined ? { record: no, at: no } : place.recorded,
    counts: place.counts ?? true,
    changes: changes.map(([of, level]) => ({ device: keyOf(of), level })),
  }
}

const pending = { recorded: null } as const

function all(members: Members, recorded = false): readonly (Level | null)[] {
  return names.map((name) => members.level(name, recorded))
}

test('what a device says that is no admin by then changes nothing, even when it was accepted', () => {
  const members = new Members(founder)
  members.take([
    commit(1, 1, [[1, 'admin']]),
    commit(2, 0, [[1, 'member']]),
    commit(3, 1, [[2, 'member']]),
    commit(4, 0, [
      [0, 'member'],
      [3, 'admin'],
    ]),
    commit(5, 0, [[4, 'admin']]),
  ])
  expect(all(members)).toEqual(['member', 'member', null, 'admin', null])
})

test('pending commits count in stamp order, above everything recorded, and only those of admins by then', () => {
  const members = new Members(founder)
  members.take([
    commit(1, 1, [[2, 'member']], { ...pending, ms: 30 }),
    commit(2, 0, [[1, 'admin']], { ...pending, ms: 20 }),
    commit(3, 3, [[4, 'member']], { ...pending, ms: 10 }),
    commit(4, 0, [[3, 'admin']], { ...pending, ms: 15 }),
  ])
  expect(all(members)).toEqual(['admin', 'admin', 'member', 'admin', null])
  expect(all(members, true)).toEqual(['admin', null, null, null, null])
  members.take([commit(2, 0, [[1, 'admin']], { counts: false })])
  expect(all(members)).toEqual(['admin', null, null, 'admin', null])
  members.take([commit(1, 1, [[2, 'member']], { recorded: { record: 0, at: 0 } })])
  expect(all(members)).toEqual(['admin', null, null, 'admin', null])
})

test('a draft leaves what it goes on from as it was, and ends where taking the same would', () => {
  const word = fc.record({
    by: fc.nat(4),
    of: fc.nat(4),
    level: fc.constantFrom(...levels),
    fate: fc.constantFrom('recorded', 'pending', 'refused'),
    again: fc.nat(8),
  })
  const words = fc.array(word, { maxLength: 20 })
  fc.assert(
    fc.property(words, fc.nat(20), (said, split) => {
      const commits = said.map(({ by, of, level, fate, again }, i) =>
        // Some commits are heard of twice: pending first, then with their verdict.
        commit(again < i && fate !== 'pending' ? again : i, by, [[of, level]], {
          recorded: fate === 'pending' ? null : { record: i, at: i },
          counts: fate !== 'refused',
        }),
      )
      const [members, whole] = [new Members(founder), new Members(founder)]
      members.take(commits.slice(0, split))
      whole.take(commits)
      const before = [all(members), all(members, true)]
      const writing: StandingCommit[] = []
      for (const each of commits.slice(split)) {
        writing.push(each)
        members.after(writing)
      }
      expect([all(members.after(writing)), all(members.after(writing), true)]).toEqual([all(whole), all(whole, true)])
      expect([all(members), all(members, true)]).toEqual(before)
      members.take(writing)
      expect([all(members), all(members, true)]).toEqual([all(whole), all(whole, true)])
    }),
  )
})

test('a device trusts itself before it is in the directory, but the recorder gives it no receipt for that', () => {
  const databases = new Uint8Array(16).fill(9)
  const standing = new Standing({ founder: keyOf(0), own: keyOf(1), databases })
  const rules = standing.ofDirectory()
  const header = { collections: [databases], standings: [] }
  expect(rules.refuses(keyOf(1), header, { standings: [], recorded: false })).toBeNull()
  expect(rules.refuses(keyOf(1), header, { standings: [], recorded: true })).toBe('The device is not in the directory')
  expect(rules.refuses(keyOf(2), header, { standings: [], recorded: false })).not.toBeNull()
  expect([standing.knows(keyOf(1)), standing.knows(keyOf(2))]).toEqual([true, false])
})

test('listeners hear of a device when its level changes or is recorded, once each', () => {
  const standing = new Standing({ founder: keyOf(0), own: keyOf(0), databases: new Uint8Array(16) })
  const heard: string[] = []
  const stop = standing.onChange((device, level) => heard.push(`${device[0] ?? ''} ${level ?? 'none'}`))
  const keep = (...commits: StandingCommit[]): void => standing.ofDirectory().keepStandings?.(commits)
  keep(commit(1, 0, [[1, 'admin']], pending), commit(2, 1, [[2, 'member']], pending))
  keep(commit(1, 0, [[1, 'admin']], { recorded: { record: 1, at: 1 } }))
  keep(commit(3, 0, [[1, 'admin']], { recorded: { record: 2, at: 2 } }))
  keep(commit(4, 0, [[1, 'revoked']], { recorded: { record: 3, at: 3 } }))
  keep(commit(2, 1, [[2, 'member']], { counts: false }))
  expect(heard).toEqual(['2 admin', '3 member', '2 admin', '2 revoked', '3 none'])
  stop()
  keep(commit(5, 0, [[3, 'member']], { recorded: { record: 4, at: 4 } }))
  expect(heard).toHaveLength(5)
})
