/**
 * A small file system for the programs of a test, which it fills: memory of this machine, mounted where only they see
 * it. Neither root nor a disk of its own is needed, just Linux that lets users have namespaces, as Debian does.
 */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A program and its arguments. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
}

/** The program that mounts it; null where users may not have namespaces, or there are none. */
export function smallDiskProgram(): string | null {
  try {
    execFileSync('unshare', [...namespaces, 'true'], { stdio: 'ignore' })
    return 'unshare'
  } catch {
    // There is no such program, or it is not permitted.
    return null
  }
}

const namespaces = ['--user', '--map-root-user', '--mount'] as const
const mebibyte = 1024 * 1024
/** Exists on every Debian, so that programs which look their user up find one. */
const nobody = '65534'

export class SmallDisk {
  /** Where it is, to programs that run on it; to others an empty folder. */
  readonly dir: string
  readonly #holder: ChildProcess

  private constructor(dir: string, holder: ChildProcess) {
    this.dir = dir
    this.#holder = holder
  }

  /**
   * Programs on the disk see the folders of `hidden` empty, and what they put there is seen by nobody else. Throws where
   * this machine does not permit it.
   */
  static async open(mebibytes: number, hidden: readonly string[] = []): Promise<SmallDisk> {
    const dir = await mkdtemp(join(tmpdir(), 'varve-disk-'))
    const script = `mount -t tmpfs -o size=${mebibytes}m tmpfs "$1" || exit 1; shift
      for each; do mount -t tmpfs -o mode=0700 tmpfs "$each" || exit 1; done
      echo mounted; exec cat`
    const args = [...namespaces, 'sh', '-c', script, 'sh', dir, ...hidden]
    // It lasts for as long as its input does, which ends with this process at the latest.
    const holder = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    holder.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    holder.once('error', (error) => (said += error.message))
    const ended = once(holder, 'close').catch(() => undefined)
    const isMounted = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
    if (isMounted) return new SmallDisk(dir, holder)
    await rm(dir, { recursive: true, force: true })
    throw new Error(`a small disk cannot be mounted here: ${said.trim()}`)
  }

  /** The command that runs a program on the disk: as root, which is no more than who runs the tests, or as a user. */
  command({ program, args }: Command, as: 'root' | 'user' = 'root'): Command {
    const user = as === 'root' ? [] : ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`]
    const enter = ['--user', '--mount', '--preserve-credentials', '--target', String(this.#holder.pid)]
    return { program: 'nsenter', args: [...enter, ...user, program, ...args] }
  }

  /** Where this process finds a path of the disk. */
  path(...names: readonly string[]): string {
    return join(`/proc/${this.#holder.pid}/root`, this.dir, ...names)
  }

  /** Takes up what is free, but for so many bytes. */
  async fill(leave = 0): Promise<void> {
    const ballast = await open(this.#ballast, 'a')
    try {
      for (;;) {
        const { bavail, bsize } = await statfs(this.path())
        const size = Math.min(bavail * bsize - leave, mebibyte)
        if (size <= 0) return
        await ballast.write(new Uint8Array(size))
      }
    } catch (error) {
      // Others write too: it is full.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    } finally {
      await ballast.close()
    }
  }

  /** Gives back what `fill` took. */
  async makeRoom(): Promise<void> {
    await rm(this.#ballast, { force: true })
  }

  get #ballast(): string {
    return this.path('ballast')
  }

  /** Every program that runs on it must have ended. */
  async close(): Promise<void> {
    const ended = once(this.#holder, 'close')
    this.#holder.stdin?.end()
    await ended
    await rm(this.dir, { recursive: true, force: true })
  }
}
