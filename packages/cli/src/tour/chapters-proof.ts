/** The last chapters: verifying, tampering with copies, looking for plaintext, and what to do next. */

import { join } from 'node:path'
import { bytes, count, counted, duration, padStart } from '../table.ts'
import { filesIn, folderBytes } from './folder.ts'
import { Needles, searchFiles, shortestNeedle } from './search.ts'
import { timed, type Story } from './story.ts'
import { summary, spread, tamper, type Flip } from './tamper.ts'
import { names, type TourWorld } from './world.ts'

export async function verifyChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('Verify: everything recomputed from the log')
  const known = await world.tenant('ada').databases()
  world.repositoryId = known.find(({ name }) => name === names.repository)?.id ?? ''
  const rows: string[][] = []
  let sound = true
  let spent = 0
  for (const device of ['ada', 'grace'] as const) {
    for (const name of [names.packages, names.repository]) {
      const database = await world.database(device, name)
      const [{ ok, commits, entries, problems }, ms] = await timed(() => database.verify())
      sound &&= ok
      spent += ms
      const outcome = ok ? 'all well' : `${counted(problems.length, 'PROBLEM')}: ${problems[0]?.where ?? ''}`
      rows.push([
        device,
        name,
        padStart(count(commits), 7),
        padStart(count(entries), 7),
        padStart(duration(ms), 6),
        outcome,
      ])
    }
  }
  await story.table(['device', 'database', 'commits', 'entries', 'time', 'outcome'], rows)
  await story.check(sound, 'hashes, chains, signatures, record, heads, versions and indexes agree on both devices')
  story.figures['verify'] = { ok: sound, ms: spent }
}

export async function tamperChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('Tampering: one byte flipped in each of several copies')
  const from = world.folder('ada')
  const files = filesIn(from)
  const database = files.find(({ name }) => name === `${world.repositoryId}.sqlite`)
  if (database === undefined) throw new Error('the store of the repository is missing')
  const targets = [
    { file: database, offsets: spread(database.size, world.size.flips) },
    ...files.filter(({ name }) => name === 'lock.age').map((file) => ({ file, offsets: [Math.floor(file.size / 2)] })),
  ]
  const needed = files.filter((file) => file === database || file.size < 1_000_000)
  const job = { from, files: needed, to: join(world.dir, 'damaged-copy'), database: names.repository }
  await story.fact('database', `${names.repository}, ${bytes(database.size)} of encrypted pages`)
  const flips = await tamper({ ...job, open: (dir) => world.open(dir) }, targets)
  await story.table(['byte', 'of', 'found by', 'what Varve says'], flips.map(rowOf))
  const named = flips.filter(({ by }) => by !== 'nothing').length
  const harmless = flips.filter((flip) => flip.harmless).length
  const lost = flips.length - named - harmless
  const rest = harmless === 0 ? '' : `, ${harmless} changed neither log nor documents`
  await story.check(lost === 0 && named > 0, `of ${flips.length} flipped bytes ${named} were named by place${rest}`)
  const tenant = await world.open(from)
  const { ok } = await (await tenant.database(names.repository)).verify()
  await tenant.close()
  await story.check(ok, 'the original is unharmed')
  story.figures['tamper'] = { flips: flips.length, named, harmless, undetected: lost }
}

function rowOf({ file, at, by, where, harmless }: Flip): readonly string[] {
  const silent = harmless ? 'nothing; log and documents are proven to be unchanged' : 'NOTHING, and the data differs'
  const name = file === 'lock.age' ? file : 'database'
  return [padStart(count(at), 9), name, by === 'nothing' ? '' : by, by === 'nothing' ? silent : summary(where)]
}

export async function searchChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('Looking for plaintext in every byte on disk')
  // Parts of real ids, and names that are too short for the bulk search but still no accident.
  const words = ['libssl', 'express', 'openssl', 'python3', 'package.json']
  const bulk = [...world.secrets].filter((text) => Buffer.byteLength(text) >= shortestNeedle)
  const needles = new Needles([...bulk, ...words])
  const files = (['ada', 'grace'] as const).flatMap((device) => filesIn(world.folder(device)))
  const size = files.reduce((sum, file) => sum + file.size, 0)
  const [findings, ms] = await timed(() =>
    Promise.resolve(
      searchFiles(
        files.map(({ path }) => path),
        needles,
      ),
    ),
  )
  const inNames = files.filter(({ name }) => needles.search(Buffer.from(name)).length > 0)
  await story.fact('searched', `${bytes(size)} in ${counted(files.length, 'file')} of both devices, in ${duration(ms)}`)
  await story.fact(
    'for',
    `${count(needles.size)} ids, names, users, paths, hashes and descriptions of ${shortestNeedle} letters and more`,
  )
  await story.fact('', `and the words ${words.join(', ')}`)
  for (const { file, needle, at } of findings.slice(0, 5))
    await story.fact('FOUND', `"${needle}" in ${file} at byte ${count(at)}`)
  await story.check(findings.length === 0 && inNames.length === 0, 'nothing found: no document, id or name is readable')
  story.figures['plaintext'] = { needles: needles.size, bytes: size, found: findings.length + inNames.length }
}

export async function closingChapter(world: TourWorld, story: Story): Promise<void> {
  const { import: imported, repository, sync, tamper: tampered } = story.figures
  await story.chapter('In short')
  const log = folderBytes(world.folder('ada'))
  await story.fact(
    'import',
    `${count(figure(imported, 'perSecond'))} documents a second, ${count(figure(imported, 'bytesPerDocument'))} bytes a document`,
  )
  await story.fact(
    'history',
    `${count(figure(repository, 'perSecond'))} transactions a second; ${figure(repository, 'equal')} of ${figure(repository, 'oracles')} listings equal to git's`,
  )
  const packages: unknown = typeof sync === 'object' && sync !== null ? Object.entries(sync)[0]?.[1] : undefined
  await story.fact('sync', `${count(figure(packages, 'perSecond'))} documents a second into an empty device`)
  await story.fact(
    'tampering',
    `${figure(tampered, 'named')} of ${figure(tampered, 'flips')} flips named, ${figure(tampered, 'undetected')} undetected changes of data`,
  )
  await story.fact('on disk', `${bytes(log)}: two databases, their whole history and indexes`)
  story.figures['disk'] = log
  const flags = `--data ${world.folder('ada')} --passphrase-file ${world.passphraseFile}`
  await story.chapter('Next')
  await story.lines(
    `Go on with these databases (varve is node packages/cli/dist/main.js here):`,
    '',
    `  alias v='node packages/cli/dist/main.js'`,
    `  T='${flags}'`,
    `  v info $T`,
    `  v find packages --database ${names.packages} --filter '{"section":"mail"}' --limit 3 $T`,
    `  v history files package.json --database ${names.repository} --limit 5 $T`,
    `  v as-of files --database ${names.repository} --record 388 --select blob $T`,
    `  v conflicts packages --database ${names.packages} $T`,
    '',
    'Then: README.md, varve --help, and examples/readme.ts for the same from TypeScript.',
  )
}

function figure(of: unknown, name: string): number {
  if (typeof of !== 'object' || of === null) return 0
  const value: unknown = Object.entries(of).find(([key]) => key === name)?.[1]
  return typeof value === 'number' ? value : 0
}
