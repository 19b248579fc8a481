/** A real MongoDB 7 of three members for a test, on loopback, in which elections are quick. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { moment } from './child.ts'
import { mongodbCommand, saysTrue, type CommandDocument } from './mongodb-command.ts'
import { installMongodb } from './mongodb-install.ts'
import { mongodbServer, type MongodbServer } from './mongodb-server.ts'

export interface MongodbMember {
  readonly port: number
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  /** Starts it again with its data; resolves once it follows the primary, or is it. */
  restart(): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Asks it to give way to another primary; resolves when it has. */
  stepDown(): Promise<void>
}

export interface RunningMembers {
  readonly url: string
  readonly members: readonly MongodbMember[]
  /** The primary, as soon as one of these members is it; of all when none are named. */
  primary(among?: readonly MongodbMember[]): Promise<MongodbMember>
  /** Resolves once all members follow the primary. */
  whole(): Promise<void>
  /** Ends them and removes their folder. */
  stop(): Promise<void>
}

/** Milliseconds: those of production are ten times as long. */
const timing = { electionTimeoutMillis: 1_000, heartbeatIntervalMillis: 200 }

export async function startMongodbMembers(): Promise<RunningMembers> {
  const install = await installMongodb()
  const dir = await mkdtemp(join(tmpdir(), 'varve-mongodb-data-'))
  const servers: MongodbServer[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map(({ process }) => process.end()))
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  try {
    for (const name of ['one', 'two', 'three'])
      servers.push(await mongodbServer({ install, dir, name, replicaSet: 'rs0', cache: 0.25 }))
    await Promise.all(servers.map(({ process, port }) => process.start(() => answers(port))))
    const [first] = servers
    if (first === undefined) throw new Error('there is no member')
    const hosts = servers.map(({ port }, _id) => ({ _id, host: `127.0.0.1:${port}` }))
    await mongodbCommand(first.port, { replSetInitiate: { _id: 'rs0', members: hosts, settings: timing } })
    const members = servers.map(memberOf)
    const running = { members, primary: (among = members) => primaryOf(among), whole: () => whole(members), stop }
    await running.whole()
    return { ...running, url: `mongodb://${hosts.map(({ host }) => host).join(',')}/?replicaSet=rs0` }
  } catch (error) {
    await stop()
    throw error
  }
}

function memberOf({ port, process }: MongodbServer): MongodbMember {
  return {
    port,
    kill: () => process.end(),
    restart: async () => {
      await process.end()
      await process.start(() => follows(port))
    },
    signal: (signal) => {
      process.signal(signal)
    },
    stepDown: async () => {
      // Refused while no other member has caught up.
      while (await says(port, 'isWritablePrimary'))
        await answerOf(port, { replSetStepDown: 5, secondaryCatchUpPeriodSecs: 2 })
    },
  }
}

async function primaryOf(members: readonly MongodbMember[]): Promise<MongodbMember> {
  for (const until = Date.now() + 60_000; Date.now() < until; await moment())
    for (const member of members) if (await says(member.port, 'isWritablePrimary')) return member
  throw new Error('MongoDB has no primary after a minute')
}

async function whole(members: readonly MongodbMember[]): Promise<void> {
  await primaryOf(members)
  for (const { port } of members) {
    for (const until = Date.now() + 60_000; !(await follows(port)); await moment())
      if (Date.now() > until) throw new Error(`the member at ${port} does not follow after a minute`)
  }
}

async function follows(port: number): Promise<boolean> {
  const answer = await answerOf(port, { hello: 1 })
  return answer !== null && (saysTrue(answer, 'secondary') || saysTrue(answer, 'isWritablePrimary'))
}

async function says(port: number, name: string): Promise<boolean> {
  const answer = await answerOf(port, { hello: 1 })
  return answer !== null && saysTrue(answer, name)
}

async function answers(port: number): Promise<boolean> {
  return (await answerOf(port, { hello: 1 })) !== null
}

async function answerOf(port: number, command: CommandDocument): Promise<Buffer | null> {
  try {
    return await mongodbCommand(port, command)
  } catch {
    // It does not run, or is stopped.
    return null
  }
}
