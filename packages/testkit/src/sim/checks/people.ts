/** Everyone ends with the same users, devices and levels, whoever changed them, and somebody is admin. */

import type { Check } from './check.ts'

export const people: Check = async ({ nodes, recorder }) => {
  const problems: string[] = []
  const expected = await recorder.tenant.directory.users()
  const devices = expected.flatMap((user) => user.devices)
  if (!devices.some(({ level }) => level === 'admin')) problems.push('nobody is admin')
  for (const node of nodes) {
    const found = JSON.stringify(await node.tenant.directory.users())
    if (found !== JSON.stringify(expected))
      problems.push(`the users of ${node.name} are ${found}, the recorder's ${JSON.stringify(expected)}`)
    const own = devices.find(({ id }) => id === node.tenant.me.device)
    if (own?.level !== node.tenant.level)
      problems.push(
        `${node.name} is ${node.tenant.level ?? 'unknown'} to itself and ${own?.level ?? 'unknown'} to others`,
      )
    if (own?.revoked === true && !node.revoked) problems.push(`${node.name} was revoked by nobody`)
  }
  return problems
}
