/** Clocks that are wrong, by libfaketime where it is installed. */

import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Where Debian, Ubuntu, Fedora and Homebrew put it. */
const libraries = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
  '/usr/local/lib/faketime/libfaketimeMT.so.1',
]

/** Path of the library that a process loads first; null where it is not installed. */
export function findFaketime(): string | null {
  return libraries.find((path) => existsSync(path)) ?? null
}

/** The environment of a process whose wall clock is off by what `file` says; its timers are right. */
export function skewedBy(library: string, file: string): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}

/** Sets a clock, of a process that runs already too; in one step, because it is read at any time. */
export function setSkew(file: string, seconds: number): void {
  writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}s\n`)
  renameSync(`${file}.new`, file)
}

/** Removes what the library leaves behind when a process is killed: a later process with this id would fail. */
export function forgetSkew(pid: number): void {
  for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) rmSync(`/dev/shm/${name}`, { force: true })
}
