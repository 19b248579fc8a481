/** The first chapters: a tenant on disk, the package records, and the repository replayed. */

import { Readable } from 'node:stream'
import { openInput } from '../import.ts'
import { readLines } from '../json.ts'
import { bytes, count, counted, duration, padStart, show } from '../table.ts'
import { packagesFile, readHistory, type GitCommit } from './data.ts'
import { filesIn } from './folder.ts'
import { byteShares, importPackages, largest, packagesOf, runQuery, type PackageImport } from './packages.ts'
import { compare, compareAll, recordedAt, replay } from './repository.ts'
import { timed, type Story } from './story.ts'
import { names, type TourWorld } from './world.ts'

export async function foundChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('A tenant on this disk')
  const [tenant, ms] = await timed(() => world.found())
  world.secrets.add(names.tenant).add(names.ada).add(names.grace).add(names.packages).add(names.repository)
  await story.fact('tenant', `${names.tenant}, founded by ${names.ada} in ${duration(ms)}`)
  await story.fact('folder', world.folder('ada'))
  await story.fact('passphrase', `in ${world.passphraseFile}; it encrypts every page on disk`)
  await story.fact('databases', 'sealed: every change is encrypted and signed before it is stored')
  story.figures['tenant'] = tenant.id
}

export async function packagesChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('Import: the package records of Debian 12')
  const database = await world.database('ada', names.packages)
  const imported = await importPackages(packagesOf(database), packageLines(world))
  const speed = imported.documents / (imported.ms / 1000)
  await story.fact(
    'documents',
    `${count(imported.documents)}, streamed, in ${counted(imported.commits, 'commit')} of up to 1,000`,
  )
  await story.fact('speed', `${count(speed)} documents a second (${duration(imported.ms)}), 2 indexes kept`)
  const stats = await database.stats()
  const [, cold] = await timed(async () => {
    await world.reopen()
    return packagesOf(await world.database('ada', names.packages))
      .find()
      .first()
  })
  const file = largestFile(world)
  await story.fact('restart', `closed, then opened to a first document in ${duration(cold)}, passphrase included`)
  await sizes(story, imported, file, byteShares(stats, file))
  story.figures['import'] = { ...imported, perSecond: speed, bytesPerDocument: file / imported.documents }
  await queries(world, story)
  for await (const doc of packagesOf(await world.database('ada', names.packages)).find()) {
    world.secrets.add(doc.id)
    for (const value of Object.values(doc)) if (typeof value === 'string') world.secrets.add(value)
  }
}

function packageLines(world: TourWorld): Readable {
  const file = openInput(packagesFile)
  return world.size.packages === Infinity ? file : Readable.from(firstLines(file, world.size.packages))
}

async function* firstLines(file: Readable, limit: number): AsyncGenerator<string> {
  for await (const { number, text } of readLines(file, 'the package records')) {
    if (number > limit) return
    yield `${text}\n`
  }
}

function largestFile(world: TourWorld): number {
  return Math.max(...filesIn(world.folder('ada')).map(({ size }) => size))
}

async function sizes(
  story: Story,
  imported: PackageImport,
  file: number,
  shares: ReturnType<typeof byteShares>,
): Promise<void> {
  const each = (n: number): string => padStart(count(n / imported.documents), 6)
  await story.table(
    ['bytes a document', '', ''],
    [
      ['its JSON, as imported', each(imported.bytes), ''],
      ['on disk, everything', each(file), `the file is ${bytes(file)}`],
      ...shares.map(({ what, bytes: part }) => [`  ${what}`, each(part), `${Math.round((100 * part) / file)} %`]),
    ],
  )
}

async function queries(world: TourWorld, story: Story): Promise<void> {
  const packages = packagesOf(await world.database('ada', names.packages))
  const runs = [
    await runQuery(packages, { section: 'mail' }),
    await runQuery(packages, { installedSize: { $gte: 500_000 } }),
    await runQuery(packages, { depends: 'libssl3' }),
  ]
  const rows = runs.map(({ text, found, ms, index }) => [
    text,
    padStart(count(found), 5),
    padStart(duration(ms), 8),
    index === null ? 'a scan of all documents' : `the index on ${index}`,
  ])
  await story.table(['query', 'found', 'time', 'by'], rows)
  const [top] = await largest(packages, 'mail', 1)
  await story.fact('largest in mail', top === undefined ? '(none)' : `${show(top['id'])}: ${show(top['description'])}`)
  story.figures['queries'] = runs
}

export async function repositoryChapter(world: TourWorld, story: Story): Promise<void> {
  await story.chapter('Time: the real history of expressjs/express, one transaction a commit')
  const database = await world.database('ada', names.repository)
  const { oracles, commits } = world.size
  const middle = oracles[Math.floor(oracles.length / 2)]
  const replayed = await replay(database, remembered(world, readHistory(commits)), middle?.index ?? -1)
  const speed = replayed.commits / (replayed.ms / 1000)
  await story.fact('commits', `${count(replayed.commits)} with ${count(replayed.changes)} changes of files`)
  await story.fact('speed', `${count(speed)} transactions a second (${duration(replayed.ms)})`)
  const compared = await compareAll(database, oracles)
  const rows = compared.map(({ index, files, equal, ms }) => [
    padStart(count(index), 6),
    padStart(count(files), 5),
    padStart(duration(ms), 8),
    equal ? "equal to git's" : "DIFFERENT from git's",
  ])
  await story.table(['commit', 'files', 'time', 'listing'], rows)
  const equal = compared.filter((each) => each.equal).length
  await story.check(
    equal === oracles.length && equal > 0,
    `${equal} of ${oracles.length} file listings of the past are git's own`,
  )
  if (middle !== undefined) {
    const at = await recordedAt(database, middle.index)
    const byTime = await compare(() => database.asOf(at), middle)
    await story.check(byTime.equal, `as of the time ${at}: the listing of commit ${count(middle.index)} again`)
  }
  const verb = { commits: replayed.commits, changes: replayed.changes, perSecond: speed }
  story.figures['repository'] = { ...verb, equal, oracles: oracles.length, compared }
}

async function* remembered(world: TourWorld, history: AsyncIterable<GitCommit>): AsyncGenerator<GitCommit> {
  for await (const commit of history) {
    world.secrets.add(commit.commit).add(commit.author)
    for (const { path, blob } of commit.changes) world.secrets.add(path).add(blob)
    yield commit
  }
}
