/** The chapters with two devices: joining, syncing, merging offline edits, and keys. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Conflict } from 'varve'
import { bytes, count, counted, duration, show } from '../table.ts'
import { mergeCases } from './merge.ts'
import { packagesOf } from './packages.ts'
import { timed, type Story } from './story.ts'
import { names, tourPassphrase, type TourWorld } from './world.ts'

const joinPassword = 'said on the telephone'

export async function secondDeviceChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter(`A second device: ${names.grace} joins`)
  const request = await world.requestToJoin()
  await story.fact('request', `${request.slice(0, 44)}… without secrets`)
  const response = await world.tenant('ada').directory.approve(request, { password: joinPassword })
  await story.fact('approval', `by ${names.ada}: an age file for that device alone, under a password too`)
  await world.join(response, joinPassword)
  await story.fact('folder', world.folder('grace'))
  const figures: Record<string, unknown> = {}
  for (const name of [names.packages, names.repository]) {
    const mine = await world.database('ada', name)
    const theirs = await world.database('grace', name)
    const [report, ms] = await timed(() => theirs.sync(mine))
    const { documents } = await theirs.stats()
    const speed = documents / (ms / 1000)
    await story.fact('synced', `${name}: ${counted(report.received, 'commit')}, ${bytes(report.bytesReceived)}`)
    await story.fact(
      '',
      `${count(documents)} documents, hashes and signatures checked, in ${duration(ms)}: ${count(speed)} a second`,
    )
    figures[name] = { ...report, documents, ms, perSecond: speed }
  }
  story.figures['sync'] = figures
}

export async function mergeChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('Both edit offline, and sync again')
  const mine = await world.database('ada', names.packages)
  const theirs = await world.database('grace', names.packages)
  let took = 0
  const merged = await mergeCases(packagesOf(mine), packagesOf(theirs), async () => {
    const [, ms] = await timed(() => theirs.sync(mine))
    took = ms
  })
  await story.table(
    ['document', 'ada', 'then grace', 'after the sync, on both'],
    merged.map(({ id, ada, grace, result, ok }) => [id, ada, grace, ok ? result : `NOT ${result}`]),
  )
  const conflicts = merged.flatMap(({ id, conflicts: found }) => found.map((conflict) => ({ id, conflict })))
  await story.table(
    ['conflict', 'attribute', 'kept', 'given up'],
    conflicts.map(({ id, conflict }) => [id, ...conflictCells(conflict)]),
  )
  await story.check(
    merged.every(({ ok }) => ok),
    `merged alike on both devices in ${duration(took)}, ${counted(conflicts.length, 'conflict')} listed`,
  )
  story.figures['merge'] = { ok: merged.every(({ ok }) => ok), conflicts: conflicts.length, ms: took }
}

function conflictCells({ path, winner, loser }: Conflict): readonly string[] {
  const loses = loser.value === undefined ? 'the delete' : show(loser.value)
  return [
    path === '' ? '(existence)' : path,
    `${show(winner.value)} by ${winner.actor ?? ''}`,
    `${loses} by ${loser.actor ?? ''}`,
  ]
}

export async function keysChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('Keys: rotate one, hand it over as an age file')
  const [ada, grace] = [world.tenant('ada'), world.tenant('grace')]
  const mine = await world.database('ada', names.packages)
  const theirs = await world.database('grace', names.packages)
  await ada.keys.rotate('tenant')
  await story.fact(
    'rotated',
    `"tenant" has ${counted(ada.keys.versions('tenant').length, 'version')}; everything new is sealed under the last`,
  )
  const notes = { text: 'sealed under the second version of the key' }
  world.secrets.add(notes.text)
  await mine.collection('notes').create(notes, { id: 'after-the-rotation' })
  await theirs.sync(mine)
  const unseen = (await theirs.collection('notes').get('after-the-rotation')) === null
  await story.check(unseen, 'a document written now has reached the second device and cannot be read there')
  const file = join(world.dir, 'keys.age')
  const exported = await ada.keys.export(['tenant'], tourPassphrase)
  writeFileSync(file, exported, { mode: 0o600 })
  await grace.keys.import(exported, tourPassphrase)
  const seen = (await theirs.collection<typeof notes>('notes').get('after-the-rotation'))?.text === notes.text
  await story.check(seen, 'with the exported key imported it appears, without a restart')
  await story.fact('exported', `${file}, ${bytes(exported.length)}`)
  await story.fact('without Varve', `age --decrypt ${file}   (password: ${tourPassphrase})`)
  story.figures['keys'] = { unseen, seen }
}
