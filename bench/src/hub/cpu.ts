/** Processor time of a server and the processes it started, as Linux tells it. */

import { readdirSync, readFileSync } from 'node:fs'

/** Milliseconds of one tick: a hundred a second on every Linux. */
const tickMs = 10

/** Milliseconds that the process, its children, and those of them that have ended have used; not a number where nobody says. */
export function serverCpuMs(pid: number): number {
  const server = timesOf(String(pid))
  if (server === null) return Number.NaN
  let ticks = server.own + server.ended
  for (const name of readdirSync('/proc')) {
    const times = /^[0-9]+$/.test(name) ? timesOf(name) : null
    if (times?.parent === pid) ticks += times.own
  }
  return ticks * tickMs
}

/** The fields after the name of the program, which may hold anything. */
function timesOf(pid: string): { readonly parent: number; readonly own: number; readonly ended: number } | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    // It has ended, or this is no Linux.
    return null
  }
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11)
  return { parent: fields[1] ?? 0, own: user + system, ended: endedUser + endedSystem }
}
